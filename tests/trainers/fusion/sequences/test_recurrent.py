"""Tests of trainers/fusion/sequences/recurrent.py and pooling.py."""

import torch

from configs.sequences import RecurrentConfig
from trainers.fusion.sequences.pooling import mean_of_valid
from trainers.fusion.sequences.recurrent import RecurrentStates


def test_both_directions_begin_at_the_true_ends() -> None:
    torch.manual_seed(0)
    states = RecurrentStates(RecurrentConfig(hidden_dim=4), {"a": 2, "b": 1})
    views = {"a": torch.randn(2, 5, 2), "b": torch.randn(2, 5, 1)}
    mask = torch.arange(5) < torch.tensor([5, 3]).unsqueeze(1)
    with torch.no_grad():
        found = states(views, mask)
        short = states({n: v[1:, :3] for n, v in views.items()}, mask[1:, :3])
    assert torch.allclose(found[1, :3], short[0], atol=1e-6)
    assert not found[1, 3:].any()
    assert torch.allclose(states.pool(found, mask)[1], short[0].mean(dim=0), atol=1e-6)


def test_the_mean_of_no_position_is_zero() -> None:
    assert not mean_of_valid(torch.ones(1, 3, 2), torch.zeros(1, 3, dtype=torch.bool)).any()
