"""How far translations are from their targets: a loss, and sums whose error is exact over batches.

Shape letters in this file:
    B  sequences    L  positions    C  width    N  valid positions
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TranslationError:
    """Sums, in fp64, from which the error of any number of batches together is exact.

    Add them up with `+`, over batches and workers.
    """

    squared_error_C: Tensor
    target_C: Tensor
    squared_target_C: Tensor
    positions: Tensor

    @classmethod
    def measure(cls, guess_BLC: Tensor, target_BLC: Tensor, mask_BL: Tensor) -> "TranslationError":
        """Sum over valid positions, a sum for each channel."""
        target_NC = target_BLC.detach()[mask_BL].double()
        error_NC = target_NC - guess_BLC.detach()[mask_BL].double()
        return cls(
            error_NC.square().sum(dim=0),
            target_NC.sum(dim=0),
            target_NC.square().sum(dim=0),
            mask_BL.sum(),
        )

    @classmethod
    def nothing(cls, width: int, device: torch.device) -> "TranslationError":
        """Return the sums over no position."""
        zero_C = torch.zeros(width, dtype=torch.float64, device=device)
        return cls(zero_C, zero_C, zero_C, torch.zeros((), dtype=torch.float64, device=device))

    def __add__(self, other: "TranslationError") -> "TranslationError":
        return TranslationError(
            self.squared_error_C + other.squared_error_C,
            self.target_C + other.target_C,
            self.squared_target_C + other.squared_target_C,
            self.positions + other.positions,
        )

    def flat(self) -> Tensor:
        """Return all sums in one row of 3 C + 1, as `from_flat` takes them."""
        sums = [self.squared_error_C, self.target_C, self.squared_target_C]
        return torch.cat([*sums, self.positions.double().reshape(1)])

    @classmethod
    def from_flat(cls, row: Tensor) -> "TranslationError":
        """Return the sums of a row that `flat` made, or of several added up."""
        error_C, target_C, squared_C = row[:-1].chunk(3)
        return cls(error_C, target_C, squared_C, row[-1])

    @property
    def relative(self) -> float:
        """Squared error over the target's variance; 1 is what its mean would score."""
        spread_C = self.squared_target_C - self.target_C.square() / self.positions.clamp_min(1)
        return float(self.squared_error_C.sum() / spread_C.sum().clamp_min(1e-12))


def squared_errors(guess_BLC: Tensor, target_BLC: Tensor, mask_BL: Tensor) -> Tensor:
    """Return each sequence's squared error, its mean over valid positions and channels, `[B]`.

    A sequence without a valid position has none.
    """
    error_BL = (guess_BLC - target_BLC).square().mean(dim=-1).masked_fill(~mask_BL, 0.0)
    return error_BL.sum(dim=1) / mask_BL.sum(dim=1).clamp_min(1)
