from pathlib import Path

import pytest
import torch

from configs.models import ModelConfig, S3DConfig, TextConfig, TranslatorConfig
from trainers.data.words import write_words
from trainers.models.build import build_model
from trainers.weights.begin import (
    first_tokenizer,
    load_first_weights,
    refuse_missing_weights,
    tower_state,
    write_folder,
)

WORDS = write_words(["egg", "leek"])
SMALL = ModelConfig(
    video=S3DConfig(width=0.0625, blocks=("3b",), embedding_dim=8),
    text=TextConfig(kind="words", word_dim=8, hidden_dim=8),
    translator=TranslatorConfig(hidden_dim=8),
)


def build(seed, config=SMALL, with_translator=False):
    torch.manual_seed(seed)
    return build_model(config, 3, with_translator)


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "w", tower_state(build(1)), SMALL, WORDS)
    return str(tmp_path / "w")


def begun(config, **options):
    model = build(2, config, **options)
    load_first_weights(model, config)
    return model.state_dict()


def test_both_towers_begin_with_the_weights_and_the_translator_with_fresh_ones(folder):
    config = SMALL.model_copy(update={"weights": folder})
    state, source, fresh = (
        begun(config, with_translator=True),
        build(1).state_dict(),
        build(2, with_translator=True).state_dict(),
    )
    assert all(torch.equal(state[name], source[name]) for name in source)
    others = fresh.keys() - source.keys()
    assert others and all(torch.equal(state[name], fresh[name]) for name in others)


def test_the_vocabulary_of_the_weights_is_used(folder):
    def texts():
        raise AssertionError("no text is needed")

    assert first_tokenizer(SMALL.model_copy(update={"weights": folder}), texts) == WORDS
    assert first_tokenizer(SMALL, lambda: ["egg"]) == write_words(["egg"])


def test_without_weights_nothing_changes():
    state, fresh = begun(SMALL), build(2).state_dict()
    assert all(torch.equal(state[name], fresh[name]) for name in fresh)


def test_a_folder_that_lacks_a_file_is_refused_by_its_name(folder):
    refuse_missing_weights(SMALL)
    refuse_missing_weights(SMALL.model_copy(update={"weights": folder}))
    Path(folder, "tokenizer.model").unlink()
    with pytest.raises(ValueError, match=r"holds tokenizer\.model, got .*weights import"):
        refuse_missing_weights(SMALL.model_copy(update={"weights": folder}))


def test_towers_with_other_settings_are_refused_naming_each(folder):
    video = SMALL.video.model_copy(update={"embedding_dim": 16})
    text = SMALL.text.model_copy(update={"pads": "counted", "max_words": 3})
    config = SMALL.model_copy(update={"weights": folder, "video": video, "text": text})
    with pytest.raises(ValueError, match="must be those of the towers") as raised:
        begun(config)
    message = str(raised.value)
    assert "model.video.embedding_dim: 16, must be 8" in message
    assert "model.text.pads: 'counted', must be 'masked'" in message
    assert "max_words" not in message
