import numpy as np
import pytest
import torch

from pipeline import cli
from trainers.loop.run import load_run

WORDS = ["the", "Egg", "egg", "fry", "leek"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file in the published layout, from the model that the layout was compared with."""
    from configs.models import ModelConfig
    from trainers.models.build import build_model
    from trainers.weights.begin import tower_state
    from trainers.weights.names import to_published

    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    state = to_published(tower_state(build_model(ModelConfig(), len(WORDS) + 1, False)))
    torch.save(state, folder / "s3d_howto100m.pth")
    np.save(folder / "s3d_dict.npy", np.array(WORDS))
    return folder


@pytest.fixture
def imported(published, tmp_path):
    words = ["weights", "import", str(published / "s3d_howto100m.pth")]
    words += ["--tokenizer", str(published / "s3d_dict.npy"), "--data.shards", "somewhere"]
    words += ["--run.root", str(tmp_path), "--run.name", "published"]
    assert cli.main(words) == 0
    assert cli.main(words) == 2, "a run folder is not written over"
    return tmp_path / "published"


def test_published_weights_come_in_run_as_published_and_go_out_bit_for_bit(
    published, imported, tmp_path, capsys
):
    source = torch.load(published / "s3d_howto100m.pth")
    assert len(source) == 537
    job, model, tokenizer, step = load_run(imported)
    assert (step, job.data.num_frames, job.model.text.max_words) == (0, 32, 30)
    tokens = torch.from_numpy(tokenizer.encode(["fry the Egg quickly"], 30))
    assert tokens[0, :4].tolist() == [4, 1, 2, 0]
    with torch.inference_mode():
        text = model.text(tokens).embedding_ND
    words = source["text_module.word_embd.weight"][tokens]
    fc1, fc2 = (
        (source[f"text_module.{name}.weight"], source[f"text_module.{name}.bias"])
        for name in ("fc1", "fc2")
    )
    expected = (words @ fc1[0].T + fc1[1]).relu().amax(dim=1) @ fc2[0].T + fc2[1]
    torch.testing.assert_close(text, expected)

    out = tmp_path / "out" / "again.pth"
    assert cli.main(["weights", "export", str(imported), "--out", str(out)]) == 0
    written = torch.load(out)
    assert written.keys() == source.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in source.items())
    assert np.load(out.with_name("again.npy")).tolist() == WORDS
    assert "537 tensors of step 0, layout published" in capsys.readouterr().out


def test_our_own_file_comes_in_again_with_its_vocabulary_beside(imported, tmp_path):
    out = tmp_path / "mine.safetensors"
    assert cli.main(["weights", "export", str(imported), "--out", str(out)]) == 0
    words = ["weights", "import", str(out), "--data.shards", "somewhere", "--preset", "demo"]
    assert cli.main([*words, "--run.root", str(tmp_path), "--run.name", "second"]) == 0
    first, second = load_run(imported), load_run(tmp_path / "second")
    assert first[0].model.video == second[0].model.video
    assert second[0].data.size == 48
    states = first[1].state_dict(), second[1].state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_config_of_an_import_begins_a_run(imported, published):
    from pipeline.settings.load import resolve

    config = ["--config", str(imported / "config.yaml"), "--run.name", "next"]
    job = resolve("train", config, "weakvid").job
    assert job.model.weights == str(imported)
    assert job.model.text.kind == "words" and not job.model.text.train_words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export", "nowhere", "--out", "x.bin"], "must end in"),
        (["export", "nowhere", "--out", "x.pth"], "must hold a checkpoint"),
        (["import", "nowhere.pth", "--data.shards", "x"], "nowhere.pth"),
        (["import", "nowhere.pth"], "data.shards"),
        (["export", "nowhere", "--out", "x.pth", "--more"], "unrecognized arguments: --more"),
        (["exprt"], "invalid choice"),
    ],
)
def test_bad_words_are_answered(words, message, capsys):
    assert cli.main(["weights", *words]) == 2
    assert message in capsys.readouterr().err
