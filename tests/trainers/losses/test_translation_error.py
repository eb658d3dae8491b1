"""Tests of trainers/losses/translation_error.py."""

import pytest
import torch
from torch import Tensor

from trainers.losses.translation_error import TranslationError, squared_errors


def words(num_clips: int = 8) -> tuple[Tensor, Tensor]:
    target = torch.randn(num_clips, 5, 5, generator=torch.Generator().manual_seed(num_clips))
    lengths = torch.tensor([1 + i % 5 for i in range(num_clips)])
    return target, torch.arange(5) < lengths.unsqueeze(1)


def test_the_relative_error_is_one_for_the_mean_and_zero_for_the_truth() -> None:
    target, mask = words()
    mean = target[mask].mean(dim=0).expand_as(target)
    assert TranslationError.measure(mean, target, mask).relative == pytest.approx(1.0)
    assert TranslationError.measure(target, target, mask).relative == 0
    shifted = TranslationError.measure(mean + 5, target + 5, mask)
    assert shifted.relative == pytest.approx(1.0)


def test_sums_of_parts_are_those_of_the_whole_also_as_rows_of_numbers() -> None:
    target, mask = words()
    guess = target + torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    whole = TranslationError.measure(guess, target, mask)
    parts = [
        TranslationError.measure(guess[s], target[s], mask[s]) for s in (slice(3), slice(3, 8))
    ]
    assert (parts[0] + parts[1]).relative == pytest.approx(whole.relative)
    row = parts[0].flat() + parts[1].flat() + TranslationError.nothing(5, target.device).flat()
    assert TranslationError.from_flat(row).relative == pytest.approx(whole.relative)


def test_a_sequence_costs_the_mean_over_its_valid_positions_and_nothing_without_any() -> None:
    target, mask = words(3)
    mask[1] = False
    guess = target.clone()
    guess[0] += 2.0
    guess[~mask] = 1e4
    assert squared_errors(guess, target, mask).tolist() == pytest.approx([4.0, 0.0, 0.0])
