"""Tests of trainers/kernels/attention.py (R1, R2 and R3 of the design)."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.kernels.attention import Kernel, MassError, attend, features, kernel_values

KERNELS: list[Kernel] = ["exponential", "rbf", "polynomial", "linear"]
EXACT = {torch.float32: 1e-6, torch.float64: 1e-12}


def drawn(dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(2, 3, 7, 8), (2, 3, 9, 8), (2, 3, 9, 5)]
    made = [torch.randn(s, generator=generator, dtype=dtype) for s in shapes]
    return made[0], made[1], made[2]


def some_mask() -> Tensor:
    mask = torch.rand((2, 1, 7, 9), generator=torch.Generator().manual_seed(1)) > 0.4
    return mask | (torch.arange(9) == 2)


def smoothed(q: Tensor, k: Tensor, v: Tensor, kernel: Kernel, mask: Tensor, logits: Tensor):
    """The definition, key by key."""
    weights = kernel_values(q, k, kernel) * logits.exp() * mask
    return torch.einsum("bhls,bhse->bhle", weights / weights.sum(-1, keepdim=True), v)


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_exponential_kernel_is_scaled_dot_product_attention_with_its_gradients(
    dtype: torch.dtype, masked: bool
) -> None:
    mask = some_mask() if masked else torch.ones(1, 1, 7, 9, dtype=torch.bool)
    ends, grads = [], []
    for way in (
        lambda q, k, v: attend(q, k, v, "exponential", mask),
        lambda q, k, v: smoothed(q, k, v, "exponential", mask, torch.zeros(1, dtype=dtype)),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask.expand(2, 3, 7, 9)),
    ):
        inputs = [x.requires_grad_() for x in drawn(dtype)]
        ends.append(way(*inputs))
        grads.append(torch.autograd.grad(ends[-1].sin().sum(), inputs))
    for end, grad in zip(ends[1:], grads[1:], strict=True):
        assert (ends[0] - end).abs().max() < EXACT[dtype]
        for one, other in zip(grads[0], grad, strict=True):
            assert (one - other).abs().max() < 10 * EXACT[dtype]


def test_rbf_kernel_is_fused_attention_with_a_bias_of_the_keys() -> None:
    q, k, v = drawn()
    none = torch.zeros(1, dtype=q.dtype)
    bias = -k.square().sum(-1).unsqueeze(-2) / 8**0.5
    fused = F.scaled_dot_product_attention(q, k, v, bias.expand(2, 3, 7, 9), scale=2 / 8**0.5)
    for mask in (torch.ones(1, 1, 7, 9, dtype=torch.bool), some_mask()):
        expected = smoothed(q, k, v, "rbf", mask, none)
        assert (attend(q, k, v, "rbf", mask) - expected).abs().max() < 1e-12
    assert (attend(q, k, v, "rbf") - fused).abs().max() < 1e-12


@pytest.mark.parametrize("kernel", ["exponential", "rbf", "polynomial"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_second_kernel_multiplies_the_first(kernel: Kernel, masked: bool) -> None:
    q, k, v = drawn()
    mask = some_mask() if masked else torch.ones(1, 1, 7, 9, dtype=torch.bool)
    logits = 3 * torch.randn(3, 7, 9, generator=torch.Generator().manual_seed(2)).double()
    given = attend(q, k, v, kernel, mask if masked else None, logits)
    assert (given - smoothed(q, k, v, kernel, mask, logits)).abs().max() < 1e-12
    shifted = attend(q, k, v, kernel, mask if masked else None, logits + 1000)
    assert (given - shifted).abs().max() < 1e-9


@pytest.mark.parametrize("kernel", ["polynomial", "linear"])
def test_summing_over_keys_first_changes_nothing(kernel: Kernel) -> None:
    q, k, v = (x.abs() for x in drawn())
    everywhere = torch.ones(1, 1, 7, 9, dtype=torch.bool)
    associative, quadratic = attend(q, k, v, kernel), attend(q, k, v, kernel, everywhere)
    assert (associative - quadratic).abs().max() < 1e-12
    expected = smoothed(q, k, v, kernel, everywhere, torch.zeros(1, dtype=q.dtype))
    assert (associative - expected).abs().max() < 1e-12
    inner = features(q, kernel) @ features(k, kernel).mT
    assert (inner - kernel_values(q, k, kernel)).abs().max() < 1e-12


@pytest.mark.parametrize("masked", [False, True])
def test_a_linear_kernel_without_positive_mass_is_refused(masked: bool) -> None:
    q, k, v = drawn()
    mask = some_mask() if masked else None
    with pytest.raises(MassError, match=r"linear kernel.*positive sum, got none for \d\d%"):
        attend(q, k, v, "linear", mask)
    with pytest.raises(MassError, match="polynomial"):
        attend(torch.zeros_like(q), k, v, "polynomial", mask)


def test_half_of_the_linear_kernels_values_are_negative() -> None:
    q, k = drawn(seed=5)[0], drawn(seed=6)[1]
    assert 0.4 < float((kernel_values(q, k, "linear") < 0).double().mean()) < 0.6


@pytest.mark.parametrize("kernel", ["exponential", "rbf", "polynomial"])
def test_one_matrix_on_both_sides_makes_a_mercer_kernel(kernel: Kernel) -> None:
    x = torch.randn(1, 1, 60, 8, generator=torch.Generator().manual_seed(3)).double()
    w, other = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(4)).double() / 8**0.5
    eigenvalues = torch.linalg.eigvalsh(kernel_values(x @ w, x @ w, kernel)[0, 0])
    assert eigenvalues.min() > -1e-6 * eigenvalues.max()
    free = kernel_values(x @ w, x @ other, kernel)[0, 0]
    assert (free - free.mT).abs().max() > 0.1


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_query_that_may_look_nowhere_gets_zero_and_no_bad_gradient(kernel: Kernel) -> None:
    q, k, v = (x.abs().requires_grad_() for x in drawn())
    mask = some_mask().clone()
    mask[0, 0, 3] = False
    for logits in (None, torch.zeros(3, 7, 9, dtype=q.dtype)):
        out = attend(q, k, v, kernel, mask, logits)
        assert out[0, :, 3].abs().max() == 0
        assert out[0, :, 2].abs().min() > 0
        assert all(g.isfinite().all() for g in torch.autograd.grad(out.sum(), (q, k, v)))


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_masked_contributes_nothing(kernel: Kernel) -> None:
    q, k, v = (x.abs() for x in drawn())
    mask = torch.arange(9) < 6
    short = attend(q, k[:, :, :6], v[:, :, :6], kernel)
    k[:, :, 6:], v[:, :, 6:] = 50.0, -50.0
    assert (attend(q, k, v, kernel, mask) - short).abs().max() < 1e-12
