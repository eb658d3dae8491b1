"""Core of a translator without recurrence: transformer layers over positions.

Pre-norm layers of `torch.nn`. The decoder's queries are a code for each position and one for the
target, and all positions are answered together: what is said is not read back.

Shape letters in this file:
    B  sequences    S  source positions    L  target positions    C  width of a modality
    H  width of the joint sequence
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from configs.models import TranslatorConfig
from trainers.models.positions import position_codes


class TransformerCore(nn.Module):
    """Encoder and decoder of kind `transformer`."""

    def __init__(self, config: TranslatorConfig, modalities: Iterable[str]) -> None:
        super().__init__()
        hidden, heads = config.hidden_dim, config.heads
        self.asks_for = nn.ParameterDict({k: nn.Parameter(torch.zeros(hidden)) for k in modalities})
        shape = {"dim_feedforward": 2 * hidden, "dropout": config.dropout}
        form = {"batch_first": True, "norm_first": True}
        self.encoder = nn.TransformerEncoderLayer(hidden, heads, **shape, **form)
        self.encoder_norm = nn.LayerNorm(hidden)
        self.decoder = nn.TransformerDecoderLayer(hidden, heads, **shape, **form)
        self.decoder_norm = nn.LayerNorm(hidden)

    def encode(self, x_BSH: Tensor, mask_BS: Tensor | None) -> Tensor:
        """Return the joint sequence."""
        placed_BSH = x_BSH + position_codes(x_BSH.shape[1], x_BSH.shape[2]).to(x_BSH)
        joint_BSH = self.encoder(placed_BSH, src_key_padding_mask=_left_out(mask_BS))
        return self.encoder_norm(joint_BSH)

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
        asked_LH = position_codes(length, joint_BSH.shape[-1]).to(joint_BSH) + self.asks_for[target]
        asked_BLH = asked_LH.expand(len(joint_BSH), -1, -1)
        state_BLH = self.decoder(asked_BLH, joint_BSH, memory_key_padding_mask=_left_out(mask_BS))
        return way_out(self.decoder_norm(state_BLH))


def _left_out(mask_BS: Tensor | None) -> Tensor | None:
    """Turn the mask around; a sequence without valid positions keeps its first, not to be NaN."""
    if mask_BS is None:
        return None
    left_out_BS = ~mask_BS
    first_BS = torch.arange(mask_BS.shape[1], device=mask_BS.device) == 0
    return left_out_BS & ~(first_BS & left_out_BS.all(dim=1, keepdim=True))
