"""Tests of trainers/models/batchnorm.py."""

import pytest
import torch
from torch import nn

from trainers.models.batchnorm import (
    VirtualBatchNorm3d,
    statistics_not_recorded,
    take_statistics,
    update_running_statistics,
)


def maps(seed: int, batch: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(batch, 5, 2, 4, 4, generator=generator) + 1


def pair() -> tuple[VirtualBatchNorm3d, nn.BatchNorm3d]:
    plain = nn.BatchNorm3d(5)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    virtual = VirtualBatchNorm3d(5)
    virtual.load_state_dict(plain.state_dict())
    return virtual, plain


def test_with_one_virtual_rank_it_is_the_plain_batch_norm() -> None:
    virtual, plain = pair()
    for step in range(3):
        x, y = maps(step).requires_grad_(), maps(step).requires_grad_()
        out, expected = virtual(x), plain(y)
        assert torch.equal(out, expected)
        (out**3).sum().backward()
        (expected**3).sum().backward()
        assert torch.equal(x.grad, y.grad)
        update_running_statistics(virtual, take_statistics(virtual).unsqueeze(0))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(virtual.state_dict()[name], value, rtol=1e-6, atol=0)
    assert torch.equal(virtual.weight.grad, plain.weight.grad)
    virtual.load_state_dict(plain.state_dict())
    assert torch.equal(virtual.eval()(maps(9)), plain.eval()(maps(9)))


def test_running_statistics_move_once_a_step_by_the_mean_of_the_micro_batches() -> None:
    virtual, _ = pair()
    own = []
    for micro in range(4):
        virtual(maps(micro))
        own.append(take_statistics(virtual))
    assert virtual.num_batches_tracked == 0
    assert torch.equal(virtual.running_mean, torch.zeros(5))

    update_running_statistics(virtual, torch.stack(own))

    means = torch.stack([maps(micro).mean(dim=(0, 2, 3, 4)) for micro in range(4)])
    variances = torch.stack([maps(micro).transpose(0, 1).flatten(1).var(1) for micro in range(4)])
    torch.testing.assert_close(virtual.running_mean, 0.1 * means.mean(0))
    torch.testing.assert_close(virtual.running_var, 0.9 + 0.1 * variances.mean(0))
    assert virtual.num_batches_tracked == 1


def test_a_micro_batch_is_normalised_by_itself_whoever_else_is_in_the_batch() -> None:
    virtual, _ = pair()
    alone = virtual(maps(1))
    virtual(maps(2))
    assert torch.equal(alone, virtual(maps(1)))


def test_the_second_pass_of_cached_gradients_records_nothing_and_computes_the_same() -> None:
    model = nn.Sequential(VirtualBatchNorm3d(5))
    first = model(maps(0))
    kept = take_statistics(model)
    with statistics_not_recorded(model):
        assert torch.equal(model(maps(0)), first)
    with pytest.raises(ValueError, match="recording on"):
        take_statistics(model)
    model(maps(0))
    assert torch.equal(take_statistics(model), kept)


def test_evaluation_leaves_no_statistics() -> None:
    virtual, _ = pair()
    virtual.eval()(maps(0))
    with pytest.raises(ValueError, match="recording on"):
        take_statistics(virtual)


def test_statistics_of_another_model_are_refused() -> None:
    virtual, _ = pair()
    with pytest.raises(ValueError, match=r"\(V, 10\).*got \(2, 12\)"):
        update_running_statistics(virtual, torch.zeros(2, 12))
