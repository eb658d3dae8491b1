"""Do the objectives pull the weights the same way? Their own gradients, of the whole global batch.

The update needs the gradient of the sum alone. At an interval that of the cyclic objective is
worked out beside it, in a pass of its own which the update knows nothing of; what is left of the
sum is the contrastive objective's. A negative cosine means that a step for one undoes some of the
other (Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020).

Shape letters in this file:
    P  elements of all parameters
"""

import torch
from torch import Tensor, nn

from trainers.collectives import add_over_ranks
from trainers.loop.fresh import TRANSLATOR


class Conflict:
    """The gradient of the weighted cyclic objective, summed as `GradientBuffer` sums the whole."""

    def __init__(self, model: nn.Module) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._parameters = [p for _, p in named]
        # The translator comes last, and is the cyclic objective's own.
        towers = [p.numel() for name, p in named if not name.startswith(TRANSLATOR)]
        self._num_shared = sum(towers)
        self._sums_P: Tensor | None = None

    def add_rank(self, loss: Tensor) -> None:
        """Add the gradient of a virtual rank's weighted cyclic loss; its graph stays."""
        gradients = torch.autograd.grad(
            loss, self._parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        gradient_P = torch.cat([gradient.flatten() for gradient in gradients])
        if self._sums_P is None:
            self._sums_P = torch.zeros_like(gradient_P, dtype=torch.float64)
        self._sums_P += gradient_P

    def take_figures(self, total_P: Tensor) -> dict[str, float]:
        """Return norms and cosine over all workers, and begin anew.

        All workers must call it at the same step, each after all of its virtual ranks.

        Args:
            total_P: The gradient of the weighted sum of both objectives, over all workers.
        """
        cyclic_P, self._sums_P = self._sums_P, None
        assert cyclic_P is not None, "a worker has a virtual rank"
        add_over_ranks(cyclic_P)
        mil_nce_P = total_P - cyclic_P
        figures = {
            "train/grad_norm_mil_nce": mil_nce_P.norm().item(),
            "train/grad_norm_cyclic": cyclic_P.norm().item(),
        }
        one_P, other_P = mil_nce_P[: self._num_shared], cyclic_P[: self._num_shared]
        norms = one_P.norm() * other_P.norm()
        if norms > 0:
            figures["train/gradient_cosine"] = (one_P @ other_P / norms).item()
        return figures
