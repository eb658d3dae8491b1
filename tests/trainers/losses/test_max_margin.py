"""Tests of trainers/losses/max_margin.py in one process."""

import pytest
import torch

from configs.objectives import MilNceConfig
from trainers.losses.max_margin import MaxMargin


def naive(video, text, mask, ids, margin, temperature):
    """The hinge pair by pair, of nearest windows."""
    losses = []
    for i in range(len(video)):
        right, wrong = video[i] @ text[i, 0], []
        for j in range(len(video)):
            if ids[i] == ids[j]:
                continue
            if mask[j, 0]:
                wrong.append(video[i] @ text[j, 0])
            wrong.append(video[j] @ text[i, 0])
        hinges = [(margin + (one - right) / temperature).clamp_min(0) for one in wrong]
        losses.append(torch.stack(hinges).mean() * mask[i, 0])
    return torch.stack(losses)


def test_loss_and_gradients_are_those_of_a_naive_double_loop():
    torch.manual_seed(0)
    video = torch.randn(7, 8, dtype=torch.float64, requires_grad=True)
    text = torch.randn(7, 2, 8, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True], [False, True], *[[True, False]] * 5])
    ids = torch.tensor([5, 9, 5, 1, 2, 9, 4])
    loss_B = MaxMargin(MilNceConfig(temperature=0.8), 0.3).per_clip(video, text, mask, ids)
    expected_B = naive(video, text, mask, ids, 0.3, 0.8)
    torch.testing.assert_close(loss_B, expected_B)
    got, true = (torch.autograd.grad(x.sum(), [video, text]) for x in (loss_B, expected_B))
    torch.testing.assert_close(got, true)
    assert not got[1][:, 1].any()


def test_pairs_that_are_ahead_by_the_margin_cost_nothing():
    loss = MaxMargin(MilNceConfig(), 0.5)
    assert not loss.per_clip(torch.eye(5), torch.eye(5).unsqueeze(1)).any()
    loss_B = loss.per_clip(0.2 * torch.eye(5), torch.eye(5).unsqueeze(1))
    assert loss_B.tolist() == pytest.approx([0.3] * 5)
