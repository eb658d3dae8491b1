"""Tests of trainers/losses/info_nce.py in one process."""

import torch
from torch.nn.functional import cross_entropy

from configs.objectives import MilNceConfig
from trainers.losses.info_nce import InfoNce


def test_with_one_window_it_is_the_mean_of_two_cross_entropies():
    torch.manual_seed(0)
    video, text = (torch.randn(9, 16, dtype=torch.float64, requires_grad=True) for _ in range(2))
    loss = InfoNce(MilNceConfig(temperature=0.5, chunk=4)).per_clip(video, text.unsqueeze(1)).mean()
    logits, right = video @ text.T / 0.5, torch.arange(9)
    expected = (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        torch.autograd.grad(loss, [video, text]), torch.autograd.grad(expected, [video, text])
    )


def test_one_right_window_of_a_bag_is_enough():
    text = torch.zeros(4, 3, 4)
    text[:, 2] = torch.eye(4)
    loss_B = InfoNce(MilNceConfig()).per_clip(40.0 * torch.eye(4), text)
    torch.testing.assert_close(loss_B, torch.zeros(4), atol=1e-6, rtol=0)


def test_a_clip_without_any_window_costs_nothing():
    torch.manual_seed(0)
    mask = torch.tensor([[True], [False], [True]])
    loss_B = InfoNce(MilNceConfig()).per_clip(torch.randn(3, 8), torch.randn(3, 1, 8), mask)
    assert loss_B[1] == 0
    assert (loss_B[[0, 2]] > 0).all()
