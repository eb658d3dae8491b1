"""Tests of trainers/losses/windows.py."""

import pytest
import torch
from torch import Tensor

from trainers.losses.windows import Pairs, pair_with_windows
from trainers.models.outputs import TextOutput, VideoOutput

FIRST = 3 * torch.arange(4)


def bags() -> tuple[VideoOutput, TextOutput, Tensor]:
    """Four clips with bags of three windows."""
    generator = torch.Generator().manual_seed(7)
    video_BD = torch.randn(4, 3, generator=generator)
    text_ND = torch.randn(12, 3, generator=generator)
    nothing = torch.zeros(0)
    video, text = VideoOutput(video_BD, nothing, nothing), TextOutput(text_ND, nothing, nothing)
    return video, text, torch.ones(4, 3, dtype=torch.bool)


def scores(video: VideoOutput, text: TextOutput) -> Tensor:
    return torch.einsum("bd,bkd->bk", video.embedding_BD, text.embedding_ND.view(4, 3, 3))


def pair(choice: str, windows: Tensor | None = None, temperature: float = 1.0) -> Pairs:
    video, text, whole = bags()
    return pair_with_windows(
        choice, video, text, whole if windows is None else windows, temperature
    )


def test_the_nearest_window_is_the_first() -> None:
    pairs = pair("nearest")
    assert torch.equal(pairs.window_P, FIRST)
    assert pairs.weight_P.tolist() == [1.0] * 4


def test_the_most_similar_window_is_chosen_among_those_that_exist() -> None:
    video, text, windows = bags()
    best = scores(video, text).argmax(dim=1)
    assert torch.equal(pair("most_similar").window_P, FIRST + best)

    windows[torch.arange(4), best] = False
    second = scores(video, text).masked_fill(~windows, -torch.inf).argmax(dim=1)
    assert not torch.equal(second, best)
    assert torch.equal(pair("most_similar", windows).window_P, FIRST + second)


def test_soft_weights_are_the_softmax_of_the_bag_and_absent_windows_have_none() -> None:
    video, text, windows = bags()
    windows[1, 2] = False
    pairs = pair("soft", windows, temperature=0.3)
    expected = torch.softmax((scores(video, text) / 0.3).masked_fill(~windows, -torch.inf), dim=1)
    torch.testing.assert_close(pairs.weight_P.view(4, 3), expected)
    assert pairs.weight_P[5] == 0
    assert torch.equal(pairs.window_P, torch.arange(12))
    assert torch.equal(pairs.best_B, FIRST + expected.argmax(dim=1))


@pytest.mark.parametrize("choice", ["nearest", "most_similar", "soft"])
def test_a_clip_without_windows_has_pairs_of_no_weight(choice: str) -> None:
    _, _, windows = bags()
    windows[2] = False
    weights = pair(choice, windows).weight_P.view(4, -1).sum(dim=1)
    assert weights.tolist() == pytest.approx([1, 1, 0, 1])


@pytest.mark.parametrize("choice", ["nearest", "most_similar", "soft"])
def test_the_choice_is_made_without_a_gradient(choice: str) -> None:
    video, text, windows = bags()
    video.embedding_BD.requires_grad_()
    assert not pair_with_windows(choice, video, text, windows, 1.0).weight_P.requires_grad


def test_rows_of_clips_become_rows_of_pairs() -> None:
    rows_B = torch.arange(8).view(4, 2)
    assert torch.equal(pair("nearest").spread(rows_B), rows_B)
    assert torch.equal(pair("soft").spread(rows_B), rows_B.repeat_interleave(3, dim=0))
