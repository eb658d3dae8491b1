"""All that workers add up in a step, in one flat buffer and one all-reduce.

Not DistributedDataParallel: its hooks reduce during backward, which fights cached gradients,
parameters that an objective leaves unused, and uneven shares of the virtual ranks.

The gradient of each virtual rank is worked out by itself, in fp32, and added up in fp64. There the
sum of a few fp32 numbers is exact unless they differ by six orders of magnitude, so it is the same
in any order, hence for any number of workers.

Shape letters in this file:
    P  elements of all parameters    E  extra sums    F = P + E
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from trainers.collectives import add_over_ranks


class GradientBuffer:
    """Gradients of all parameters as views of one tensor, their sums, and room for other sums."""

    def __init__(self, parameters: Iterable[nn.Parameter], num_extras: int) -> None:
        self._parameters = [p for p in parameters if p.requires_grad]
        num_gradients = sum(p.numel() for p in self._parameters)
        device = self._parameters[0].device
        self.gradients_P = torch.zeros(num_gradients, device=device)
        self._sums_F = torch.zeros(num_gradients + num_extras, device=device, dtype=torch.float64)
        self._sums_P = self._sums_F[:num_gradients]
        self.extras_E = self._sums_F[num_gradients:]

    def clear(self) -> None:
        """Set every sum to zero and let backward add to the gradients themselves."""
        self._sums_F.zero_()
        self.gradients_P.zero_()
        start = 0
        for parameter in self._parameters:
            view = self.gradients_P[start : start + parameter.numel()]
            parameter.grad = view.view_as(parameter)
            start += parameter.numel()

    def add_rank(self) -> None:
        """Take what backward left for one virtual rank into the sums, and begin the next."""
        self._sums_P += self.gradients_P
        self.gradients_P.zero_()

    def add_over_workers(self) -> None:
        """Add up the sums of all workers; afterwards all hold the same gradients."""
        add_over_ranks(self._sums_F)
        self.gradients_P.copy_(self._sums_P)

    @property
    def exact(self) -> Tensor:
        """P: the gradient over all workers in fp64, before clipping."""
        return self._sums_P

    def clip(self, max_norm: float) -> Tensor:
        """Return the norm of the gradient, and scale it down to `max_norm` unless that is 0."""
        norm = torch.linalg.vector_norm(self.gradients_P)
        if max_norm > 0:
            self.gradients_P.mul_((max_norm / norm.clamp_min(1e-12)).clamp_max(1.0))
        return norm
