"""What brings the towers' last layers together: side by side, as a tensor product, or low-rank.

Tensor fusion: Zadeh et al., EMNLP 2017, equation 2. Low-rank fusion: Liu et al., ACL 2018,
equation 6; it is tensor fusion whose layer on the product is a sum of `rank` products of one
factor a modality, so that the product itself is never made.

Shape letters in this file:
    B  examples, and positions where each has a label    F  width of a tower's last layer
    M  modalities    D  numbers of a modality that are multiplied    H  width after the join
"""

from collections.abc import Sequence
from typing import Literal, assert_never

import torch
from torch import Tensor, nn

from configs.networks import NetworksConfig

JoinKind = Literal["concat", "tensor", "low_rank"]


class SideBySide(nn.Module):
    """One layer on all last layers side by side."""

    def __init__(self, config: NetworksConfig, widths: Sequence[int]) -> None:
        super().__init__()
        self.layer = nn.Linear(sum(widths), config.hidden_dim)

    def forward(self, last: Sequence[Tensor]) -> Tensor:
        """Return `[.., H]`."""
        return self.layer(torch.cat(list(last), dim=-1))


class TensorProduct(nn.Module):
    """A layer on the products of all numbers, one of each modality or 1 in its place."""

    def __init__(self, config: NetworksConfig, widths: Sequence[int]) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(nn.Linear(width, config.tensor_dim) for width in widths)
        self.layer = nn.Linear((config.tensor_dim + 1) ** len(widths), config.hidden_dim)

    def product(self, last: Sequence[Tensor]) -> Tensor:
        """Return `[z_1; 1] x .. x [z_M; 1]`, flattened: `[.., (D + 1)^M]`."""
        whole = last[0].new_ones((*last[0].shape[:-1], 1))
        for narrow, one in zip(self.narrow, last, strict=True):
            factor = with_one(narrow(one).relu())
            whole = (whole.unsqueeze(-1) * factor.unsqueeze(-2)).flatten(start_dim=-2)
        return whole

    def forward(self, last: Sequence[Tensor]) -> Tensor:
        """Return `[.., H]`."""
        return self.layer(self.product(last))


class LowRank(nn.Module):
    """A sum over ranks of the product over modalities of `[z_m; 1] W_mr`."""

    def __init__(self, config: NetworksConfig, widths: Sequence[int]) -> None:
        super().__init__()
        self.factors = nn.ParameterList(
            torch.empty(config.rank, width + 1, config.hidden_dim) for width in widths
        )
        for factor in self.factors:
            nn.init.xavier_normal_(factor)
        # With zeros beside, the constant 1 lets a modality drop out of a product: start there.
        with torch.no_grad():
            for factor in self.factors:
                factor[:, -1] = 1.0
        self.mix = nn.Parameter(torch.full((config.rank,), 1 / config.rank))
        self.bias = nn.Parameter(torch.zeros(config.hidden_dim))

    def forward(self, last: Sequence[Tensor]) -> Tensor:
        """Return `[.., H]`."""
        whole = None
        for factor, one in zip(self.factors, last, strict=True):
            part = torch.einsum("...d,rdh->...rh", with_one(one), factor)
            whole = part if whole is None else whole * part
        return torch.einsum("...rh,r->...h", whole, self.mix) + self.bias


Join = SideBySide | TensorProduct | LowRank


def build_join(kind: JoinKind, config: NetworksConfig, widths: Sequence[int]) -> Join:
    """Build what brings last layers of these widths together."""
    match kind:
        case "concat":
            return SideBySide(config, widths)
        case "tensor":
            return TensorProduct(config, widths)
        case "low_rank":
            return LowRank(config, widths)
        case _:
            assert_never(kind)


def with_one(x: Tensor) -> Tensor:
    """Return `[x; 1]`."""
    return torch.cat([x, x.new_ones((*x.shape[:-1], 1))], dim=-1)
