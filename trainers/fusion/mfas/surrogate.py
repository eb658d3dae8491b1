"""The surrogate: a small recurrent network that guesses what an architecture is worth.

Perez-Rua et al. 2019, section 3.3, with the sizes of the authors' code. It is fitted anew before
each draw, from all that was measured, so that it is a function of the log alone.

Shape letters in this file:
    A  architectures of one length    L  that length    U  numbers that say a unit
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from trainers.fusion.mfas.space import Architecture, Space
from trainers.fusion.training import seeded

_WIDTH = 100
_EPOCHS = 200
_LR = 1e-3
_WEIGHT, _BIAS = 0.1, 1.8


class Surrogate(nn.Module):
    """A layer of each unit, an LSTM over the units, and a number between 0 and 1."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.first = nn.Linear(numbers, _WIDTH)
        self.recurrence = nn.LSTM(_WIDTH, _WIDTH, batch_first=True)
        self.out = nn.Linear(_WIDTH, 1)
        for name, weight in self.named_parameters():
            if "bias" in name:
                nn.init.constant_(weight, _BIAS)
            else:
                nn.init.uniform_(weight, -_WEIGHT, _WEIGHT)

    def forward(self, unit_ALU: Tensor) -> Tensor:
        """Return the guesses `[A]`."""
        _, (last_1AH, _) = self.recurrence(self.first(unit_ALU).sigmoid())
        return self.out(last_1AH[0]).sigmoid().squeeze(-1)


def fit_surrogate(space: Space, measured: Mapping[Architecture, float], seed: int) -> Surrogate:
    """Fit to what was measured, one batch a length, in each of some passes."""
    with seeded(seed):
        surrogate = Surrogate(len(space.depths) + 1)
        batches = [
            (unit_ALU, torch.tensor([measured[one] for one in same]))
            for same, unit_ALU in _by_length(space, list(measured))
        ]
        optimizer = torch.optim.Adam(surrogate.parameters(), lr=_LR, fused=True)
        for _ in range(_EPOCHS):
            for unit_ALU, worth_A in batches:
                optimizer.zero_grad()
                (surrogate(unit_ALU) - worth_A).square().mean().backward()
                optimizer.step()
    return surrogate


@torch.no_grad()
def guess(
    surrogate: Surrogate, space: Space, architectures: Sequence[Architecture]
) -> dict[Architecture, float]:
    """Return what architectures may be worth, in their order."""
    found: dict[Architecture, float] = {}
    with seeded(0):
        for same, unit_ALU in _by_length(space, architectures):
            found.update(zip(same, surrogate(unit_ALU).tolist(), strict=True))
    return {one: found[one] for one in architectures}


def _by_length(
    space: Space, architectures: Sequence[Architecture]
) -> list[tuple[list[Architecture], Tensor]]:
    groups: dict[int, list[Architecture]] = defaultdict(list)
    for one in architectures:
        groups[len(one)].append(one)
    return [
        (same, torch.tensor([[space.numbers(unit) for unit in one] for one in same]))
        for _, same in sorted(groups.items())
    ]
