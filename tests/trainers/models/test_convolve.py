"""Tests of trainers/models/convolve.py."""

import pytest
import torch
from torch import nn

from trainers.models.convolve import channels_innermost, convolve, max_pool

KERNELS = [
    ((1, 1, 1), (1, 1, 1), (0, 0, 0)),
    ((1, 3, 3), (1, 1, 1), (0, 1, 1)),
    ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    ((3, 1, 1), (1, 1, 1), (1, 0, 0)),
    ((3, 1, 1), (2, 1, 1), (1, 0, 0)),
    ((2, 4, 4), (1, 1, 1), (1, 2, 2)),
    ((3, 7, 7), (2, 2, 2), (1, 3, 3)),
    ((1, 1, 1), (1, 2, 2), (0, 0, 0)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding"), KERNELS)
def test_either_layout_gives_the_same_map_and_gradients(kernel, stride, padding) -> None:
    torch.manual_seed(0)
    layer = nn.Conv3d(6, 5, kernel, stride, padding, bias=False, dtype=torch.float64)
    plain = torch.randn(2, 6, 5, 7, 8, dtype=torch.float64, requires_grad=True)
    inner = channels_innermost(plain.detach()).requires_grad_()
    expected, got = layer(plain), convolve(inner, layer)
    torch.testing.assert_close(got, expected)
    assert got.is_contiguous(memory_format=torch.channels_last_3d)
    weights = torch.randn_like(expected)
    wanted = torch.autograd.grad((expected * weights).sum(), [plain, layer.weight])
    grads = torch.autograd.grad((got * weights).sum(), [inner, layer.weight])
    torch.testing.assert_close(grads, wanted)


def test_a_map_in_torchs_own_layout_goes_through_the_layer() -> None:
    torch.manual_seed(0)
    layer = nn.Conv3d(6, 5, (1, 3, 3), padding=(0, 1, 1), bias=False)
    x = torch.randn(2, 6, 4, 7, 8)
    assert torch.equal(convolve(x, layer), layer(x))
    part = x[:, :, 1:, 1:, 1:]
    torch.testing.assert_close(convolve(part, layer), layer(part.contiguous()))


POOLS = [
    ((1, 3, 3), (1, 2, 2), (0, 0, 0)),
    ((3, 3, 3), (2, 2, 2), (0, 0, 0)),
    ((2, 2, 2), (2, 2, 2), (0, 0, 0)),
    ((3, 3, 3), (1, 1, 1), (1, 1, 1)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
def test_pooling_in_two_dimensions_is_pooling_in_three(kernel, stride, padding) -> None:
    torch.manual_seed(0)
    plain = torch.randn(2, 6, 5, 7, 8, requires_grad=True)
    inner = channels_innermost(plain.detach()).requires_grad_()
    expected = nn.MaxPool3d(kernel, stride, padding, ceil_mode=True)(plain)
    torch.use_deterministic_algorithms(True)
    try:
        got = max_pool(inner, kernel, stride, padding)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(got, expected)
    assert {type(node).__name__ for node in _nodes(got)}.isdisjoint(
        {"MaxPool3DWithIndicesBackward0"}
    )
    assert got.is_contiguous(memory_format=torch.channels_last_3d)
    weights = torch.randn_like(expected)
    (wanted,) = torch.autograd.grad((expected * weights).sum(), plain)
    (grads,) = torch.autograd.grad((got * weights).sum(), inner)
    torch.testing.assert_close(grads, wanted)
    assert torch.equal(max_pool(plain, kernel, stride, padding), expected)
    assert torch.equal(max_pool(inner, kernel, stride, padding), expected)


def _nodes(tensor: torch.Tensor) -> list:
    """The graph of a tensor, down to its leaves."""
    nodes, todo = [], [tensor.grad_fn]
    while todo:
        node = todo.pop()
        if node is not None:
            nodes.append(node)
            todo += [following for following, _ in node.next_functions]
    return nodes
