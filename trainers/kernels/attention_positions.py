"""How kernel attention knows positions: not at all, or in one of four ways.

Tsai et al., EMNLP 2019, section 2.2.2, with f the features and t the position of a query or key:

    sum       k(f_q + t_q, f_k + t_k)                              Vaswani et al. 2017
    look_up   k(f_q, f_k) * exp(<f_q W_q, a(t_q - t_k)> / sqrt d)  Shaw et al. 2018
    relative  k(f_q + u, f_k) * exp(<f_q W_q + v, t(q - k) W_R> / sqrt d), u and v by head: Dai 2019
    product   k(f_q, f_k) * exp(<t_q W_T, t_k W_T> / sqrt d)       what Tsai et al. propose

The last one's position kernel has one matrix of its own on both sides, so it is a Mercer kernel.

Shape letters in this file:
    B  sequences    H  heads    L  queries    S  keys    D  width of a head    C  width of features
    P  distances    R  the farthest distance that is told apart
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Positions = Literal["none", "sum", "look_up", "relative", "product"]
FARTHEST = 16
"""Distances beyond it look up the same entry."""


def sinusoids(position_P: Tensor, width: int) -> Tensor:
    """Return codes of any positions, also negative ones, P x width (Vaswani et al. 2017)."""
    half = (width + 1) // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half) / half)
    angles = position_P.unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]


class PositionKernel(nn.Module):
    """The kernel of positions, as logits that are added to those of the features."""

    def __init__(self, kind: Positions, width: int, heads: int) -> None:
        """Build it for features of `width`, split over `heads`."""
        super().__init__()
        self.kind, self.width, self.heads = kind, width, heads
        head_dim = width // heads
        if kind == "look_up":
            self.table = nn.Parameter(torch.randn(heads, 2 * FARTHEST + 1, head_dim) * 0.02)
        if kind in ("relative", "product"):
            self.project = nn.Linear(width, width, bias=False)
        if kind == "relative":
            self.feature_bias = nn.Parameter(torch.zeros(heads, 1, head_dim))
            self.position_bias = nn.Parameter(torch.zeros(heads, 1, head_dim))

    def forward(self, q_BHLD: Tensor, num_keys: int) -> Tensor | None:
        """Return logits that broadcast to BHLS, or None where positions give none."""
        num_queries, scale = q_BHLD.shape[-2], q_BHLD.shape[-1] ** -0.5
        distance_LS = torch.arange(num_queries).unsqueeze(1) - torch.arange(num_keys)
        match self.kind:
            case "none" | "sum":
                return None
            case "look_up":
                places_BHLP = q_BHLD @ self.table.mT * scale
                index_LS = distance_LS.clamp(-FARTHEST, FARTHEST) + FARTHEST
                return _taken(places_BHLP, index_LS)
            case "relative":
                reach_P = torch.arange(-(num_keys - 1), num_queries)
                codes_HPD = self._heads(self.project(sinusoids(reach_P, self.width).to(q_BHLD)))
                places_BHLP = (q_BHLD + self.position_bias) @ codes_HPD.mT * scale
                return _taken(places_BHLP, distance_LS + num_keys - 1)
            case "product":
                codes = sinusoids(torch.arange(max(num_queries, num_keys)), self.width)
                t_HPD = self._heads(self.project(codes.to(q_BHLD)))
                return t_HPD[:, :num_queries] @ t_HPD[:, :num_keys].mT * scale

    def shift(self, q_BHLD: Tensor) -> Tensor:
        """Return the queries that the kernel of features gets."""
        return q_BHLD + self.feature_bias if self.kind == "relative" else q_BHLD

    def add(self, x_BLC: Tensor) -> Tensor:
        """Return the features with their positions where those are summed."""
        if self.kind != "sum":
            return x_BLC
        return x_BLC + sinusoids(torch.arange(x_BLC.shape[1]), self.width).to(x_BLC)

    def _heads(self, x_PC: Tensor) -> Tensor:
        return x_PC.unflatten(-1, (self.heads, -1)).transpose(0, 1)


def _taken(places_BHLP: Tensor, index_LS: Tensor) -> Tensor:
    return places_BHLP.gather(-1, index_LS.expand(*places_BHLP.shape[:-1], index_LS.shape[1]))
