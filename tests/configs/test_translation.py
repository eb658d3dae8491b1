"""Tests of configs/translation.py."""

import pytest
from pydantic import ValidationError

from configs.translation import TranslationConfig


def test_the_losses_have_the_published_weights() -> None:
    config = TranslationConfig()
    assert (config.task_weight, config.forward_weight, config.cycle_weight) == (1.0, 0.1, 0.1)
    assert (config.second_weight, config.output_l2) == (0.1, 0.01)


def test_a_modality_is_not_translated_into_itself_nor_twice() -> None:
    for source, targets in (("text", ("text",)), ("", ("audio", "audio"))):
        with pytest.raises(ValidationError, match="must be different modalities"):
            TranslationConfig(source=source, targets=targets)
    with pytest.raises(ValidationError):
        TranslationConfig(targets=("audio", "video", "text"))
