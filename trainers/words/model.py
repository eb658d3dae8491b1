"""The multi-task log-bilinear model of co-occurrence: one table of vectors, a view of it a kind.

Gupta et al., "ViCo: Word Embeddings from Visual Co-occurrences", ICCV 2019, section 4, and their
code: one table for both sides of a pair, a bias for each word and kind, no weighing of counts.

    s_t(i, j) = phi_t(w_i) . phi_t(w_j) + b_i^t + b_j^t
    loss      = sum over t of  mean over X_ij > 0 of (s_t(i, j) - log X_ij)^2
                             + mean over negatives of max(0, s_t(i, j))

Shape letters in this file:
    V  words    D  width    K  width as a kind sees it    T  kinds    P  pairs
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from configs.words import VicoConfig

Drawn = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Rows of pairs that occur, twice `[P]`, their counts `[P]`, rows of negatives, twice `[P]`."""


class Vico(nn.Module):
    """Vectors of words, and how each kind of co-occurrence sees them."""

    def __init__(
        self, config: VicoConfig, num_words: int, kinds: Sequence[str], seed: int = 0
    ) -> None:
        """Draw vectors from N(0, 0.01).

        Raises:
            ValueError: If slices are asked for and the width is no multiple of the kinds.
        """
        super().__init__()
        if config.transform == "select" and config.width % len(kinds):
            raise ValueError(
                f"width must be a multiple of the {len(kinds)} kinds for slices, got {config.width}"
            )
        self.kinds = tuple(kinds)
        self.selects = config.transform == "select"
        drawn = torch.Generator().manual_seed(seed)
        table_VD = torch.randn(num_words, config.width, generator=drawn) * 0.01
        self.table_VD = nn.Parameter(table_VD)
        self.bias_TV = nn.Parameter(torch.zeros(len(kinds), num_words))
        if not self.selects:
            shape = (len(kinds), config.width, config.transformed)
            scale = config.width**-0.5
            self.view_TDK = nn.Parameter(torch.randn(shape, generator=drawn) * scale)

    def seen(self, kind: str, rows_P: Tensor) -> Tensor:
        """Return words as a kind sees them, `[P, K]`."""
        at = self.kinds.index(kind)
        vectors_PD = self.table_VD[rows_P]
        if self.selects:
            return vectors_PD.chunk(len(self.kinds), dim=1)[at]
        return vectors_PD @ self.view_TDK[at]

    def score(self, kind: str, first_P: Tensor, second_P: Tensor) -> Tensor:
        """Return the model's log count of pairs, `[P]`; the same in either order."""
        bias_V = self.bias_TV[self.kinds.index(kind)]
        dots_P = (self.seen(kind, first_P) * self.seen(kind, second_P)).sum(dim=1)
        return dots_P + (bias_V[first_P] + bias_V[second_P])

    def loss(self, drawn: Mapping[str, Drawn]) -> Tensor:
        """Return the loss, a scalar; a kind without negatives has that term left out."""
        total = self.table_VD.new_zeros(())
        for kind, (first_P, second_P, count_P, no_first_P, no_second_P) in drawn.items():
            off_P = self.score(kind, first_P, second_P) - count_P.log()
            total = total + off_P.square().mean()
            if len(no_first_P):
                total = total + self.score(kind, no_first_P, no_second_P).clamp_min(0).mean()
        return total
