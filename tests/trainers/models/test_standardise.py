"""Tests of trainers/models/standardise.py."""

import pytest
import torch

from trainers.models.standardise import Standardise, feature_statistics, masked_statistics


def test_valid_positions_get_mean_zero_and_deviation_one() -> None:
    torch.manual_seed(0)
    x = 4 * torch.randn(6, 5, 3) + torch.tensor([1.0, -20.0, 5.0])
    mask = torch.rand(6, 5) > 0.4
    x[~mask] = 1e6
    scale = Standardise(3)
    scale.set(*masked_statistics(x, mask))
    valid = scale(x)[mask]
    torch.testing.assert_close(valid.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(valid.std(dim=0, unbiased=False), torch.ones(3))


def test_a_dead_channel_is_not_blown_up() -> None:
    x = torch.randn(8, 4, 2, generator=torch.Generator().manual_seed(0))
    x[..., 1] = 7.0
    _, std = masked_statistics(x, torch.ones(8, 4, dtype=torch.bool))
    assert 0.05 < std[1] < 0.1


def test_the_statistics_are_part_of_the_state() -> None:
    scale = Standardise(2)
    scale.set(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    other = Standardise(2)
    other.load_state_dict(scale.state_dict())
    assert torch.equal(other(torch.ones(1, 1, 2)), scale(torch.ones(1, 1, 2)))


def test_no_valid_position_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a valid position"):
        masked_statistics(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.bool))


def test_a_feature_counts_by_its_own_deviation_and_one_that_never_moves_is_zero() -> None:
    x = torch.randn(50, 4, 3, generator=torch.Generator().manual_seed(0))
    x = x * torch.tensor([1e3, 1e-3, 0.0]) + torch.tensor([5.0, 0.5, 7.0])
    mask = torch.arange(4).expand(50, 4) < 3
    x[~mask] = 1e6
    scale = Standardise(3)
    scale.set(*feature_statistics(x, mask))
    valid = scale(x)[mask]
    torch.testing.assert_close(valid[:, :2].std(dim=0, unbiased=False), torch.ones(2))
    assert not valid[:, 2].any()
    assert not scale(torch.full((1, 1, 3), 9.0))[..., 2].any()
    with pytest.raises(ValueError, match="must have a valid position"):
        feature_statistics(x, torch.zeros_like(mask))
