"""Tests of trainers/fusion/sequences/cross_attention.py."""

import pytest
import torch
from torch import Tensor

from configs.sequences import KernelAttentionConfig
from trainers.fusion.sequences.cross_attention import CrossAttentionStates

MASK = torch.arange(5) < torch.tensor([5, 3]).unsqueeze(1)


def made(**settings: object) -> tuple[CrossAttentionStates, dict[str, Tensor]]:
    torch.manual_seed(0)
    config = KernelAttentionConfig.model_validate({"width": 8, "heads": 2, **settings})
    states = CrossAttentionStates(config, {"text": 4, "sound": 3}, 0.0).eval()
    return states, {"text": torch.randn(2, 5, 4), "sound": torch.randn(2, 5, 3)}


@pytest.mark.parametrize("kernel", ["polynomial", "exponential", "rbf"])
def test_a_state_of_one_modality_sees_the_other_at_other_positions(kernel: str) -> None:
    states, views = made(kernel=kernel)
    with torch.no_grad():
        before = states(views, MASK)
        views["sound"][0, 4] += 3
        after = states(views, MASK)
    assert (after - before)[0, 0, :8].abs().max() > 1e-6
    assert torch.equal(after[1], before[1])


def test_padding_is_not_looked_at() -> None:
    states, views = made()
    with torch.no_grad():
        before = states.pool(states(views, MASK), MASK)
        for view in views.values():
            view[1, 3:] = 50.0
        assert torch.equal(states.pool(states(views, MASK), MASK), before)


def test_without_positions_the_order_changes_nothing() -> None:
    order, full = torch.tensor([2, 0, 4, 1, 3]), torch.ones(2, 5, dtype=torch.bool)
    changed = {}
    for positions in ("none", "product"):
        states, views = made(positions=positions)
        moved = {name: view[:, order] for name, view in views.items()}
        with torch.no_grad():
            changed[positions] = (states(views, full)[:, order] - states(moved, full)).abs().max()
    assert changed["none"] < 1e-6 < 1e-4 < changed["product"]
