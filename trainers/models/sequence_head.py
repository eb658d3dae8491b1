"""Prediction from a sequence: an LSTM, attention pooling, and a linear layer.

As Pham et al., AAAI 2019, predict from their joint sequence.

Shape letters in this file:
    B  sequences    S  positions    H  width    C  outputs
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SequenceHead(nn.Module):
    """One answer a sequence, or one a position."""

    def __init__(self, width: int, num_outputs: int, dropout: float, per_position: bool) -> None:
        """Build it for sequences of `width`; `per_position` leaves the pooling out."""
        super().__init__()
        self.layer = nn.LSTM(width, width, batch_first=True)
        self.attention = None
        if not per_position:
            self.attention = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, num_outputs)

    def forward(self, joint_BSH: Tensor, mask_BS: Tensor) -> Tensor:
        """Return the answers, BC or BSC.

        Valid positions come first and the LSTM runs forward, so what comes after them changes no
        answer; a sequence without any has the answer to its first position.
        """
        state_BSH, _ = self.layer(joint_BSH)
        if self.attention is None:
            return self.out(self.dropout(state_BSH))
        # Finite, so that a sequence without any valid position is pooled evenly and not to NaN.
        scores_BS = self.attention(state_BSH).squeeze(-1).masked_fill(~mask_BS, -1e4)
        pooled_BH = torch.einsum("bs,bsh->bh", F.softmax(scores_BS, dim=1), state_BSH)
        return self.out(self.dropout(pooled_BH))
