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
    assert buffer.flat_F.shape == (12,)
    assert unused.grad.tolist() == [0.0] * 4
    buffer.extras_E[1] = 7.0
    buffer.clear()
    assert not buffer.flat_F.any()
    assert not used.grad.any()


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
