"""Tests of trainers/kernels/attention_layer.py (R4 of the design)."""

import pytest
import torch
from torch import Tensor

from trainers.kernels.attention import Kernel
from trainers.kernels.attention_layer import KernelAttention
from trainers.kernels.attention_positions import Positions


def layer(
    kernel: Kernel = "exponential", tied: bool = False, positions: Positions = "none"
) -> KernelAttention:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return KernelAttention(8, 2, kernel, tied, positions).double()


def drawn(length: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(3, length, 8, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("kernel", ["exponential", "rbf", "polynomial"])
def test_an_encoder_without_positions_does_not_see_the_order(kernel: Kernel) -> None:
    x, order = drawn(), torch.tensor([3, 0, 5, 1, 4, 2])
    made = layer(kernel)
    assert (made(x, x)[:, order] - made(x[:, order], x[:, order])).abs().max() < 1e-6


@pytest.mark.parametrize("kernel", ["exponential", "rbf", "polynomial"])
def test_a_decoder_without_positions_sees_the_order(kernel: Kernel) -> None:
    x, order = drawn(), torch.tensor([3, 0, 5, 1, 4, 2])
    made, causal = layer(kernel), torch.ones(6, 6, dtype=torch.bool).tril()
    changed = made(x, x, causal)[:, order] - made(x[:, order], x[:, order], causal)
    assert changed.abs().max() > 1e-3


@pytest.mark.parametrize("positions", ["sum", "look_up", "relative", "product"])
def test_each_kind_of_positions_sees_the_order(positions: Positions) -> None:
    x, order = drawn(), torch.tensor([3, 0, 5, 1, 4, 2])
    made = layer(positions=positions)
    assert (made(x, x)[:, order] - made(x[:, order], x[:, order])).abs().max() > 1e-4


def test_queries_of_one_modality_look_at_keys_of_another() -> None:
    made, text, sound = layer(positions="product"), drawn(), drawn(length=11, seed=2)
    mask = (torch.arange(11) < torch.tensor([[11], [4], [0]])).unsqueeze(1)
    out = made(text, sound, mask)
    assert out.shape == text.shape
    noisy = sound.clone()
    noisy[1, 4:], noisy[2] = 99.0, -99.0
    assert torch.equal(made(text, noisy, mask), out)
    assert not torch.equal(made(text, sound), out)


def test_a_tied_layer_has_one_matrix_for_queries_and_keys() -> None:
    sizes = {tied: sum(p.numel() for p in layer(tied=tied).parameters()) for tied in (True, False)}
    assert sizes[False] - sizes[True] == 8 * 8


def test_heads_that_do_not_share_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of heads, got 8 and 3"):
        KernelAttention(8, 3, "rbf", False, "none")
