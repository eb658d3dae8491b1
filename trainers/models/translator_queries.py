"""Core of a translator: a query for each position, and a GRU over the answers.

The encoder is a bidirectional GRU with its directions summed, the decoder's attention sees the
joint sequence once, for all target positions together. Nothing is fed back, so a step takes two
calls of a recurrent layer however long the target is, and no errors pile up along it.

Shape letters in this file:
    B  sequences    S  source positions    L  target positions    C  width of a modality
    H  width of the joint sequence
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.models import TranslatorConfig
from trainers.models.packed import run_summed
from trainers.models.positions import position_codes


class QueryCore(nn.Module):
    """Encoder and decoder of kind `queries`."""

    def __init__(self, config: TranslatorConfig, modalities: Iterable[str]) -> None:
        super().__init__()
        hidden = config.hidden_dim
        self.asks_for = nn.ParameterDict({k: nn.Parameter(torch.zeros(hidden)) for k in modalities})
        self.encoder = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.query, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.decoder = nn.GRU(2 * hidden, hidden, batch_first=True)

    def encode(self, x_BSH: Tensor, mask_BS: Tensor | None) -> Tensor:
        """Return the joint sequence."""
        return run_summed(self.encoder, x_BSH, mask_BS)

    def decode(
        self,
        joint_BSH: Tensor,
        mask_BS: Tensor,
        target: str,
        length: int,
        way_in: nn.Module,
        way_out: nn.Module,
    ) -> Tensor:
        """Return the target sequence BLC."""
        hidden = joint_BSH.shape[-1]
        asked_LH = position_codes(length, hidden).to(joint_BSH) + self.asks_for[target]
        query_LH = self.query(asked_LH) / math.sqrt(hidden)
        scores_BLS = torch.einsum("lh,bsh->bls", query_LH, self.key(joint_BSH))
        # Finite, so that a source without any valid position attends evenly and not to NaN.
        scores_BLS = scores_BLS.masked_fill(~mask_BS.unsqueeze(1), -1e4)
        context_BLH = F.softmax(scores_BLS, dim=-1) @ joint_BSH
        asked_BLH = asked_LH.expand(len(joint_BSH), -1, -1)
        state_BLH, _ = self.decoder(torch.cat([context_BLH, asked_BLH], dim=-1))
        return way_out(state_BLH)
