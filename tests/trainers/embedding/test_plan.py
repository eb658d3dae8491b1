"""What an embedding will be: which run, which shards; and what is refused beforehand."""

from pathlib import Path

import pytest

from configs.runs import EmbedJob
from shards.features.folder import Collection
from shards.storage import sha256_of
from trainers.embedding.plan import make_plan
from trainers.embedding.run import embed_shards
from trainers.embedding.search import Searcher
from trainers.loop import folder
from trainers.loop.run import load_run
from trainers.weights.begin import tower_state, write_folder


@pytest.fixture
def imported(tiny, tmp_path: Path) -> Path:
    """The towers of the tiny run as `weakvid weights import` would leave them."""
    job, model, _, _ = load_run(tiny.run_dir)
    run_dir = tmp_path / "runs" / "imported"
    words = (tiny.run_dir / "tokenizer.model").read_bytes()
    write_folder(run_dir, tower_state(model), job.model, words)
    weights = job.model.model_copy(update={"weights": str(run_dir)})
    folder.write_config(run_dir, job.model_copy(update={"model": weights}))
    return run_dir


def test_a_run_embeds_its_own_shards_into_its_own_folder_by_its_newest_step(tiny) -> None:
    plan = make_plan(tiny.job())
    assert plan.manifest.out == str(tiny.shards)
    assert plan.out == str(tiny.run_dir / "embeddings")
    assert plan.checkpoint == tiny.run_dir / "checkpoints/step-00000007"
    assert make_plan(tiny.job(shards=str(tiny.shards))).provenance == plan.provenance


def test_imported_weights_embed_and_are_searched(tiny, imported: Path, tmp_path: Path) -> None:
    job = EmbedJob.model_validate(
        {
            "run": {"name": "imported", "root": str(imported.parent)},
            "embedding": {"workers": 0, "out": str(tmp_path / "out"), "features": ["embedding"]},
        }
    )
    plan = make_plan(job)
    assert (plan.checkpoint, plan.provenance["step"]) == (None, 0)
    assert plan.provenance["checkpoint_sha256"] == sha256_of(str(imported / "weights.safetensors"))
    embed_shards(plan)
    by_import = Searcher(Collection.load(plan.out)).by_words("stir the pot", 3)
    embed_shards(make_plan(tiny.job(tmp_path / "trained", features=("embedding",))))
    by_run = Searcher(Collection.load(str(tmp_path / "trained"))).by_words("stir the pot", 3)
    assert [hit.about["key"] for hit in by_import] == [hit.about["key"] for hit in by_run]


def test_a_run_of_several_folders_or_none_and_a_step_that_is_gone_are_refused(
    tiny, imported: Path, tmp_path: Path
) -> None:
    config = imported / "config.yaml"
    config.write_text(config.read_text().replace("mix: []", "mix:\n  - elsewhere"))
    job = EmbedJob.model_validate({"run": {"name": "imported", "root": str(imported.parent)}})
    with pytest.raises(ValueError, match=r"must name a folder, .* elsewhere"):
        make_plan(job)
    with pytest.raises(ValueError, match="must hold a checkpoint"):
        make_plan(job.model_copy(update={"run": job.run.model_copy(update={"name": "nobody"})}))
    with pytest.raises(ValueError, match="9 must be a checkpoint"):
        make_plan(tiny.job().model_copy(update={"checkpoint": "9"}))
