"""Tests of trainers/models/packed.py."""

import torch
from torch import nn

from trainers.models.packed import run_summed


def test_the_backward_direction_begins_at_a_sequences_own_end() -> None:
    torch.manual_seed(0)
    layer = nn.GRU(3, 3, batch_first=True, bidirectional=True)
    x = torch.randn(2, 5, 3)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    out = run_summed(layer, x, mask)
    torch.testing.assert_close(out[1:, :2], run_summed(layer, x[1:, :2], None))
    assert not out[1, 2:].any()


def test_the_two_directions_are_summed() -> None:
    layer = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    x = torch.randn(2, 5, 3)
    forward, backward = layer(x)[0].chunk(2, dim=-1)
    torch.testing.assert_close(run_summed(layer, x, None), forward + backward)
