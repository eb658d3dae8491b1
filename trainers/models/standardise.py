"""Standardisation by fixed statistics, for targets that our own towers make.

A target that moves with the tower it comes from can be made easy by shrinking it. So targets are
detached, and scaled by statistics that are measured once, before the first step, and then kept
(ARCHITECTURE.md, ruling 9).

Shape letters in this file:
    B  sequences    S  positions    C  width
"""

import torch
from torch import Tensor, nn

STD_FLOOR = 0.1


class Standardise(nn.Module):
    """Subtract a mean and divide by a standard deviation, both buffers of width C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    @torch.no_grad()
    def set(self, mean_C: Tensor, std_C: Tensor) -> None:
        """Fix the statistics."""
        self.mean.copy_(mean_C)
        self.std.copy_(std_C)

    def forward(self, x_BSC: Tensor) -> Tensor:
        """Return the standardised sequences."""
        return (x_BSC - self.mean) / self.std


@torch.no_grad()
def masked_statistics(x_BSC: Tensor, mask_BS: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation over valid positions, each of width C.

    A channel that hardly moves yet, such as a dead one, may move later: no deviation is taken
    below a tenth of the root mean square over channels.

    Raises:
        ValueError: If no position is valid.
    """
    valid_NC = x_BSC.detach()[mask_BS]
    if len(valid_NC) == 0:
        raise ValueError("mask_BS must have a valid position to measure statistics, got none")
    mean_C = valid_NC.mean(dim=0)
    var_C = valid_NC.var(dim=0, unbiased=False)
    floor = STD_FLOOR * var_C.mean().sqrt().clamp_min(1e-6)
    return mean_C, var_C.sqrt().clamp_min(floor)


@torch.no_grad()
def feature_statistics(x_BSC: Tensor, mask_BS: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of features that stay as they are, each of width C.

    Each channel counts by its own deviation, however small beside the others'. A channel that does
    not move at all has an infinite one: it is standardised to 0.

    Raises:
        ValueError: If no position is valid.
    """
    valid_NC = x_BSC[mask_BS].double()
    if len(valid_NC) == 0:
        raise ValueError("mask_BS must have a valid position to measure statistics, got none")
    mean_C = valid_NC.mean(dim=0)
    std_C = valid_NC.std(dim=0, unbiased=False)
    std_C[std_C <= 1e-6 * mean_C.abs().clamp_min(1e-6)] = torch.inf
    return mean_C.to(x_BSC.dtype), std_C.to(x_BSC.dtype)
