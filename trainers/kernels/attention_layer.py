"""Multi-head kernel attention from one sequence to others, which makes it a layer of fusion.

Tsai et al., EMNLP 2019: Att(x_q; M) = sum over k in M of k(x_q, x_k) v(x_k) / sum k(x_q, x_k). The
set M of a query may be its own sequence, or those of other modalities. Values carry no positions,
which the paper found better.

Shape letters in this file:
    B  sequences    L  queries    S  keys    C  width    H  heads    D  width of a head
"""

from torch import Tensor, nn

from trainers.kernels.attention import Kernel, attend
from trainers.kernels.attention_positions import PositionKernel, Positions


class KernelAttention(nn.Module):
    """Queries of one sequence, smoothed values of another."""

    def __init__(
        self, width: int, heads: int, kernel: Kernel, tied: bool, positions: Positions
    ) -> None:
        """Build it.

        Args:
            width: Of both sequences and of what comes out.
            heads: How many; they share `width`.
            kernel: Of the features.
            tied: One matrix for queries and keys: then the kernels are Mercer.
            positions: How positions are known.

        Raises:
            ValueError: If `heads` does not divide `width`.
        """
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.heads, self.kernel = heads, kernel
        self.query = nn.Linear(width, width, bias=False)
        self.key = self.query if tied else nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.positions = PositionKernel(positions, width, heads)

    def forward(self, query_BLC: Tensor, key_BSC: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return a BLC for each query; `mask`, true where it may look, broadcasts to BLS."""
        q_BHLD = self._heads(self.query(self.positions.add(query_BLC)))
        k_BHSD = self._heads(self.key(self.positions.add(key_BSC)))
        logits = self.positions(q_BHLD, key_BSC.shape[1])
        out_BHLD = attend(
            self.positions.shift(q_BHLD),
            k_BHSD,
            self._heads(self.value(key_BSC)),
            self.kernel,
            None if mask is None else mask.unsqueeze(-3),
            logits,
        )
        return self.out(out_BHLD.transpose(1, 2).flatten(2))

    def _heads(self, x_BLC: Tensor) -> Tensor:
        return x_BLC.unflatten(-1, (self.heads, -1)).transpose(1, 2)
