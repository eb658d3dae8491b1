import torch
from torch import nn

from trainers.loop.gradients import GradientBuffer


def test_backward_adds_to_the_buffer_and_unused_parameters_get_zero():
    used, unused = nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(4))
    buffer = GradientBuffer([used, unused], num_extras=2)
    buffer.clear()
    (used * 2).sum().backward()
    (used * 3).sum().backward()
    assert buffer.gradients_P.tolist() == [5.0] * 6 + [0.0] * 4
    buffer.add_rank()
    assert not used.grad.any()
    (used * 4).sum().backward()
    buffer.add_rank()
    buffer.extras_E[1] = 7.0
    buffer.add_over_workers()
    assert used.grad.tolist() == [[9.0] * 3] * 2
    assert unused.grad.tolist() == [0.0] * 4
    assert buffer.extras_E.tolist() == [0.0, 7.0]
    buffer.clear()
    buffer.add_over_workers()
    assert not buffer.extras_E.any()
    assert not used.grad.any()


def test_the_order_of_virtual_ranks_leaves_no_trace():
    parameter = nn.Parameter(torch.zeros(1000))
    gradients = torch.randn(7, 1000, generator=torch.Generator().manual_seed(0)).exp()
    sums = []
    for order in (range(7), reversed(range(7))):
        buffer = GradientBuffer([parameter], num_extras=0)
        buffer.clear()
        for rank in order:
            buffer.gradients_P += gradients[rank]
            buffer.add_rank()
        buffer.add_over_workers()
        sums.append(parameter.grad.clone())
    assert torch.equal(*sums)
    # In single precision it does leave one.
    assert not torch.equal(sum(gradients), sum(gradients.flip(0)))


def test_a_small_gradient_is_not_clipped():
    parameter = nn.Parameter(torch.zeros(2))
    buffer = GradientBuffer([parameter], num_extras=0)
    buffer.clear()
    (parameter * torch.tensor([3.0, 4.0])).sum().backward()
    assert buffer.clip(10.0).item() == 5.0
    assert parameter.grad.tolist() == [3.0, 4.0]
    assert buffer.clip(0.0).item() == 5.0
    buffer.clip(1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([0.6, 0.8]))
