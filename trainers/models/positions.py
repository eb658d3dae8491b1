"""Sinusoidal codes of positions (Vaswani et al., "Attention Is All You Need", 2017)."""

import math

import torch
from torch import Tensor


def position_codes(length: int, width: int) -> Tensor:
    """Return the codes of `length` positions, length x width, sines first and then cosines."""
    half = (width + 1) // 2
    rates = torch.exp(-math.log(1000.0) * torch.arange(half) / half)
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]
