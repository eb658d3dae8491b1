"""Tests of trainers/models/build.py."""

import torch

from configs.models import ModelConfig, S3DConfig, TextConfig, TranslatorConfig
from trainers.models.build import VideoTextModel, build_model

CONFIG = ModelConfig(
    video=S3DConfig(width=0.125, blocks=("3b", "4b"), embedding_dim=16),
    text=TextConfig(word_dim=12, hidden_dim=20),
    translator=TranslatorConfig(hidden_dim=8),
)


def build(seed: int, with_translator: bool = True) -> VideoTextModel:
    torch.manual_seed(seed)
    return build_model(CONFIG, vocabulary=70, with_translator=with_translator)


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two, three = (build(seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["video.fc.weight"], three["video.fc.weight"])


def test_the_towers_do_not_depend_on_the_translator() -> None:
    with_it, without = build(1).state_dict(), build(1, with_translator=False)
    assert without.translator is None
    assert all(torch.equal(with_it[name], value) for name, value in without.state_dict().items())


def test_the_parts_fit_together() -> None:
    model = build(0)
    video = model.video(torch.zeros(2, 16, 32, 32, 3, dtype=torch.uint8))
    text = model.text(torch.tensor([[1, 69, 0], [4, 5, 6], [7, 0, 0]]))
    assert video.embedding_BD.shape == (2, 16)
    assert text.embedding_ND.shape == (3, 16)
    steps = torch.ones(2, video.sequence_BSC.shape[1], dtype=torch.bool)
    words = model.translator(video.sequence_BSC, steps, "video", "words", 3)
    assert words.shape == (2, 3, 12)
    back = model.translator(words, torch.ones(2, 3, dtype=torch.bool), "words", "video", 4)
    assert back.shape == (2, 4, model.video.feature_dim)
