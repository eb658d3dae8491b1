"""All that workers add up in a step, in one flat buffer and one all-reduce.

Not DistributedDataParallel: its hooks reduce during backward, which fights cached gradients,
parameters that an objective leaves unused, and uneven shares of the virtual ranks.

Shape letters in this file:
    P  elements of all parameters    E  extra sums    F = P + E
"""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn

from trainers.waits import waiting


class GradientBuffer:
    """Gradients of all parameters as views of one tensor, with room for other sums behind."""

    def __init__(self, parameters: Iterable[nn.Parameter], num_extras: int) -> None:
        self._parameters = [p for p in parameters if p.requires_grad]
        num_gradients = sum(p.numel() for p in self._parameters)
        self.flat_F = torch.zeros(num_gradients + num_extras, device=self._parameters[0].device)
        self.gradients_P = self.flat_F[:num_gradients]
        self.extras_E = self.flat_F[num_gradients:]

    def clear(self) -> None:
        """Set every sum to zero and let backward add to the buffer itself."""
        self.flat_F.zero_()
        start = 0
        for parameter in self._parameters:
            view = self.gradients_P[start : start + parameter.numel()]
            parameter.grad = view.view_as(parameter)
            start += parameter.numel()

    def add_over_workers(self) -> None:
        """Add up the buffers of all workers; afterwards all hold the same."""
        if distributed.is_initialized() and distributed.get_world_size() > 1:
            with waiting(self.flat_F.device):
                distributed.all_reduce(self.flat_F)

    def clip(self, max_norm: float) -> Tensor:
        """Return the norm of the gradient, and scale it down to `max_norm` unless that is 0."""
        norm = torch.linalg.vector_norm(self.gradients_P)
        if max_norm > 0:
            self.gradients_P.mul_((max_norm / norm.clamp_min(1e-12)).clamp_max(1.0))
        return norm
