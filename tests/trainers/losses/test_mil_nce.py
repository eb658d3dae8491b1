"""Tests of trainers/losses/mil_nce.py in one process."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from configs.objectives import MilNceConfig
from trainers.losses.mil_nce import MilNce

Mode = Literal["twice", "once"]
MODES: tuple[Mode, ...] = ("twice", "once")
FORMS: tuple[Literal["local", "chunked", "ring"], ...] = ("local", "chunked", "ring")


def naive(
    video: Tensor, text: Tensor, mask: Tensor, ids: Tensor, mode: Mode, temperature: float
) -> Tensor:
    """The loss in fp64, pair by pair, from the equation and not from the code."""
    total = video.new_zeros(())
    for i in range(len(video)):
        nominator, denominator = [], []
        for j in range(len(video)):
            if j != i and ids[i] == ids[j]:
                continue
            for k in range(text.shape[1]):
                if mask[j, k]:
                    denominator.append(video[i] @ text[j, k] / temperature)
                if mask[i, k] and (j != i or mode == "twice"):
                    denominator.append(video[j] @ text[i, k] / temperature)
                if j == i and mask[i, k]:
                    nominator.append(video[i] @ text[i, k] / temperature)
        total = total + torch.stack(denominator).exp().sum().log()
        total = total - torch.stack(nominator).exp().sum().log()
    return total / len(video)


def relative(got: Tensor, expected: Tensor) -> float:
    return ((got.double() - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("num_windows", [1, 2, 3, 4, 5])
def test_loss_and_gradients_are_those_of_a_naive_double_loop(
    num_windows: int, mode: Mode, dtype: torch.dtype, form: Literal["local", "chunked", "ring"]
) -> None:
    torch.manual_seed(num_windows)
    video, text = torch.randn(7, 32), torch.randn(7, num_windows, 32)
    mask = torch.rand(7, num_windows) > 0.3
    mask[:, 0] = True
    ids = torch.tensor([5, 9, 5, 1, 2, 9, 5])
    config = MilNceConfig(positives_in_denominator=mode, temperature=1.7, form=form, chunk=3)

    oracle = [x.double().requires_grad_() for x in (video, text)]
    expected = naive(*oracle, mask, ids, mode, 1.7)
    inputs = [x.to(dtype).requires_grad_() for x in (video, text)]
    loss = MilNce(config)(*inputs, mask, ids)

    assert loss.dtype == dtype
    assert relative(loss, expected) <= 1e-6
    pairs = zip(
        torch.autograd.grad(loss, inputs), torch.autograd.grad(expected, oracle), strict=True
    )
    assert all(relative(got, true) <= 1e-6 for got, true in pairs)


def test_wide_embeddings_with_logits_of_seventy_are_as_exact() -> None:
    torch.manual_seed(0)
    video, text = torch.randn(24, 512), torch.randn(24, 3, 512)
    mask, ids = torch.ones(24, 3, dtype=torch.bool), torch.arange(24)
    oracle = [x.double().requires_grad_() for x in (video, text)]
    expected = naive(*oracle, mask, ids, "twice", 1.0)
    inputs = [x.requires_grad_() for x in (video, text)]
    loss = MilNce(MilNceConfig(chunk=5))(*inputs)
    assert (video @ text.flatten(0, 1).T).abs().max() > 70
    assert relative(loss, expected) <= 1e-6
    pairs = zip(
        torch.autograd.grad(loss, inputs), torch.autograd.grad(expected, oracle), strict=True
    )
    assert all(relative(got, true) <= 1e-6 for got, true in pairs)


@pytest.mark.parametrize(("mode", "floor"), [("twice", math.log(2)), ("once", 0.0)])
def test_perfect_alignment_costs_the_floor_of_its_denominator(mode: Mode, floor: float) -> None:
    loss = MilNce(MilNceConfig(positives_in_denominator=mode))
    video = 40.0 * torch.eye(6)
    assert loss(video, torch.eye(6).unsqueeze(1)).item() == pytest.approx(floor, abs=1e-6)


def test_one_right_window_is_enough() -> None:
    video = 40.0 * torch.eye(4)
    text = torch.zeros(4, 3, 4)
    text[:, 2] = torch.eye(4)
    assert MilNce(MilNceConfig())(video, text).item() == pytest.approx(math.log(2), abs=1e-6)


def test_masked_windows_are_as_if_absent() -> None:
    torch.manual_seed(0)
    video, text = torch.randn(5, 8), torch.randn(5, 3, 8)
    mask = torch.tensor([[True, True, False]] * 5)
    loss = MilNce(MilNceConfig())
    short = loss(video, text[:, :2])
    text[:, 2] = 1e3
    text.requires_grad_()
    long = loss(video, text, mask)
    torch.testing.assert_close(long, short)
    assert not torch.autograd.grad(long, text)[0][:, 2].any()


def test_clips_of_one_video_are_no_negatives_and_the_own_bag_stays() -> None:
    torch.manual_seed(0)
    video, text = torch.randn(2, 8), torch.randn(2, 3, 8)
    same = torch.tensor([4, 4])
    for mode, floor in (("twice", math.log(2)), ("once", 0.0)):
        loss = MilNce(MilNceConfig(positives_in_denominator=mode))
        assert loss(video, text, video_ids_B=same).item() == pytest.approx(floor, abs=1e-6)
        assert loss(video, text).item() > floor + 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_logits_of_ten_thousand_stay_finite(
    mode: Mode, sign: int, form: Literal["local", "chunked", "ring"], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    video = torch.tensor([[100.0], [-100.0], [50.0]], dtype=dtype).requires_grad_()
    text = (sign * torch.tensor([[[100.0], [-100.0]]] * 3, dtype=dtype)).requires_grad_()
    config = MilNceConfig(positives_in_denominator=mode, form=form, chunk=2)
    loss = MilNce(config)(video, text)
    loss.backward()
    assert loss.isfinite()
    assert video.grad.isfinite().all()
    assert text.grad.isfinite().all()


def test_a_clip_without_any_window_costs_nothing_and_stays_a_negative() -> None:
    torch.manual_seed(0)
    video, text = torch.randn(4, 8, requires_grad=True), torch.randn(4, 2, 8, requires_grad=True)
    mask = torch.tensor([[True, True], [True, False], [False, False], [True, True]])
    loss_B = MilNce(MilNceConfig()).per_clip(video, text, mask)
    assert loss_B[2] == 0
    assert (loss_B[[0, 1, 3]] > 0).all()
    loss_B.sum().backward()
    assert text.grad.isfinite().all()
    assert not text.grad[2].any()
    assert video.grad[2].abs().sum() > 0


def test_a_single_clip_costs_the_floor() -> None:
    video, text = torch.randn(1, 8, requires_grad=True), torch.randn(1, 2, 8)
    loss = MilNce(MilNceConfig(positives_in_denominator="once"))(video, text)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert video.grad.isfinite().all()


def test_bf16_inputs_are_summed_in_fp32() -> None:
    torch.manual_seed(0)
    video, text = torch.randn(6, 32).bfloat16(), torch.randn(6, 2, 32).bfloat16()
    got = MilNce(MilNceConfig())(video, text)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, MilNce(MilNceConfig())(video.float(), text.float()))


@pytest.mark.parametrize(
    ("video", "text", "mask", "ids", "message"),
    [
        ((3, 8), (4, 2, 8), None, None, "agree in B and D"),
        ((3, 8), (3, 8), None, None, "agree in B and D"),
        ((3, 8), (3, 2, 8), (3, 1), None, "mask_BK must have the B and K"),
        ((3, 8), (3, 2, 8), None, (4,), "video of each of 3 clips"),
    ],
)
def test_shapes_that_do_not_pair_up_are_refused(
    video: tuple, text: tuple, mask: tuple | None, ids: tuple | None, message: str
) -> None:
    given = [None if shape is None else torch.ones(shape) for shape in (mask, ids)]
    with pytest.raises(ValueError, match=message):
        MilNce(MilNceConfig())(torch.ones(video), torch.ones(text), *given)
