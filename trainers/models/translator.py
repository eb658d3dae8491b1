"""Translator between two sequences: one encoder and one attention decoder for both directions.

Pham et al., "Found in Translation: Learning Robust Joint Representations by Cyclic Translations
Between Modalities", AAAI 2019. The encoder is a bidirectional GRU with its directions summed; its
output sequence is kept as the joint sequence.

Two things differ from the paper. It pads every modality with zeros to the widest one so that the
core can be shared; here each modality has its own linear way in and out. And its decoder reads
its own last output; here the decoder asks the joint sequence with a query for each position, and
a GRU runs over the answers. Nothing is fed back, so training and evaluation are the same
computation: no teacher forcing, no sampling that a resumed run would have to replay, and no
errors that pile up along the sequence. The way out is linear, since targets are standardised, not
squeezed into -1..1.

Shape letters in this file:
    B  sequences    S  source positions    L  target positions    C  width of a modality
    H  width of the joint sequence
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from configs.models import TranslatorConfig
from trainers.models.standardise import Standardise

Modality = Literal["video", "words"]


class Translator(nn.Module):
    """Translate "video" into "words" and back, in standardised units."""

    def __init__(self, config: TranslatorConfig, video_dim: int, word_dim: int) -> None:
        """Build it for sequences of the widths `video_dim` and `word_dim`."""
        super().__init__()
        widths, hidden = {"video": video_dim, "words": word_dim}, config.hidden_dim
        self.hidden_dim = hidden
        self.ways_in = nn.ModuleDict({k: nn.Linear(c, hidden) for k, c in widths.items()})
        self.ways_out = nn.ModuleDict({k: nn.Linear(hidden, c) for k, c in widths.items()})
        self.asks_for = nn.ParameterDict({k: nn.Parameter(torch.zeros(hidden)) for k in widths})
        self.encoder = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.query, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.decoder = nn.GRU(2 * hidden, hidden, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.standardise_video = Standardise(video_dim)
        self.standardise_words = Standardise(word_dim)

    def set_target_statistics(
        self, video_mean_C: Tensor, video_std_C: Tensor, word_mean_C: Tensor, word_std_C: Tensor
    ) -> None:
        """Fix the standardisation. Once, before the first step, the same on all workers."""
        self.standardise_video.set(video_mean_C, video_std_C)
        self.standardise_words.set(word_mean_C, word_std_C)

    def encode(self, source_BSC: Tensor, mask_BS: Tensor, source: Modality) -> Tensor:
        """Return the joint sequence BSH; positions that `mask_BS` leaves out do not count."""
        x_BSH = self.ways_in[source](source_BSC)
        if bool(mask_BS.all()):
            both_BSH, _ = self.encoder(x_BSH)
        else:
            both_BSH = self._encode_padded(x_BSH, mask_BS)
        forward_BSH, backward_BSH = both_BSH.chunk(2, dim=-1)
        return self.dropout(forward_BSH + backward_BSH)

    def _encode_padded(self, x_BSH: Tensor, mask_BS: Tensor) -> Tensor:
        # A sequence without any valid position still gets a length, of one.
        lengths_B = mask_BS.sum(dim=1).clamp_min(1).cpu()
        packed = pack_padded_sequence(x_BSH, lengths_B, batch_first=True, enforce_sorted=False)
        encoded, _ = self.encoder(packed)
        return pad_packed_sequence(encoded, batch_first=True, total_length=x_BSH.shape[1])[0]

    def decode(self, joint_BSH: Tensor, mask_BS: Tensor, target: Modality, length: int) -> Tensor:
        """Return the target sequence BLC of `length` positions."""
        positions_LH = _positions(length, self.hidden_dim).to(joint_BSH)
        asked_LH = positions_LH + self.asks_for[target]
        query_LH = self.query(asked_LH) / math.sqrt(self.hidden_dim)
        scores_BLS = torch.einsum("lh,bsh->bls", query_LH, self.key(joint_BSH))
        # Finite, so that a source without any valid position attends evenly and not to NaN.
        scores_BLS = scores_BLS.masked_fill(~mask_BS.unsqueeze(1), -1e4)
        context_BLH = F.softmax(scores_BLS, dim=-1) @ joint_BSH
        asked_BLH = asked_LH.expand(len(joint_BSH), -1, -1)
        state_BLH, _ = self.decoder(torch.cat([context_BLH, asked_BLH], dim=-1))
        return self.ways_out[target](state_BLH)

    def forward(
        self, source_BSC: Tensor, mask_BS: Tensor, source: Modality, target: Modality, length: int
    ) -> Tensor:
        """Translate.

        Args:
            source_BSC: Standardised source sequences.
            mask_BS: True where a position is valid; valid positions come first.
            source: Modality of `source_BSC`.
            target: Modality that is wanted.
            length: Positions that are wanted.

        Returns:
            Standardised target sequences, B x length x width of the target.
        """
        return self.decode(self.encode(source_BSC, mask_BS, source), mask_BS, target, length)


def _positions(length: int, width: int) -> Tensor:
    """Sinusoidal position codes, length x width."""
    half = (width + 1) // 2
    rates = torch.exp(-math.log(1000.0) * torch.arange(half) / half)
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]
