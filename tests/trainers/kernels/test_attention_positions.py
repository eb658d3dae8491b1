"""Tests of trainers/kernels/attention_positions.py: each kernel beside its formula."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.kernels.attention_layer import KernelAttention
from trainers.kernels.attention_positions import FARTHEST, PositionKernel, Positions, sinusoids


def kernel(kind: Positions) -> PositionKernel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = PositionKernel(kind, 8, 2)
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter)
    return made


def queries(length: int = 5) -> Tensor:
    return torch.randn(3, 2, length, 4, generator=torch.Generator().manual_seed(1))


def test_the_product_kernel_is_of_positions_alone_and_mercer() -> None:
    made = kernel("product")
    logits = made(queries(), 7)
    codes = made.project(sinusoids(torch.arange(7), 8))
    expected = torch.einsum("ld,sd->ls", codes[:5, 4:], codes[:, 4:]) / 2
    assert (logits[1] - expected).abs().max() < 1e-5
    gram = made(queries(12), 12).double().exp()
    assert all(e.min() > -1e-6 * e.max() for e in torch.linalg.eigvalsh(gram))


def test_the_look_up_kernel_takes_the_entry_of_the_distance() -> None:
    made, q = kernel("look_up").requires_grad_(False), queries(40)
    logits = made(q, 40)
    for query, key in ((0, 0), (3, 9), (39, 0), (0, 39)):
        distance = min(max(query - key, -FARTHEST), FARTHEST)
        expected = q[2, 1, query] @ made.table[1, distance + FARTHEST] / 2
        assert float(logits[2, 1, query, key]) == pytest.approx(float(expected), rel=1e-4)


def test_the_relative_kernel_takes_the_code_of_the_distance() -> None:
    made, q = kernel("relative").requires_grad_(False), queries()
    logits = made(q, 7)
    for query, key in ((0, 6), (4, 0), (2, 2)):
        code = made.project(sinusoids(torch.tensor([query - key]), 8))[0, 4:]
        expected = (q[0, 1, query] + made.position_bias[1, 0]) @ code / 2
        assert float(logits[0, 1, query, key]) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("kind", ["look_up", "relative", "product"])
def test_product_kernels_are_fused_attention_with_added_logits(kind: Positions) -> None:
    torch.manual_seed(0)
    layer = KernelAttention(8, 2, "exponential", False, kind)
    x = torch.randn(3, 6, 8)
    q, k, v = (layer._heads(project(x)) for project in (layer.query, layer.key, layer.value))
    logits = layer.positions(q, 6).expand(3, 2, 6, 6)
    fused = F.scaled_dot_product_attention(layer.positions.shift(q), k, v, logits)
    explicit = torch.einsum("bhld,bhsd->bhls", layer.positions.shift(q), k).div(2).exp()
    explicit = explicit * logits.exp()
    smoothed = explicit / explicit.sum(-1, keepdim=True) @ v
    out = layer(x, x)
    for way in (fused, smoothed):
        assert (layer.out(way.transpose(1, 2).flatten(2)) - out).abs().max() < 1e-5


def test_codes_of_positions_differ_and_reach_below_zero() -> None:
    codes = sinusoids(torch.arange(-20, 20), 8)
    assert torch.pdist(codes).min() > 0.01
    assert torch.allclose(codes[20, :4], torch.zeros(4))
