"""Core of a translator as published: an attention LSTM that reads its own last output.

Pham et al., AAAI 2019: a bidirectional LSTM with its directions summed, and a decoder with additive
attention (Bahdanau et al., ICLR 2015). For each target position the decoder asks the joint sequence
with its last state, and its LSTM reads the answer and what it said last. The authors' code uses
one gate's weights for the input and for the forget gate, and leaves another's unused; here each
gate has its own.

Shape letters in this file:
    B  sequences    S  source positions    L  target positions    C  width of a modality
    H  width of the joint sequence
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.models import TranslatorConfig
from trainers.models.packed import run_summed


class RecurrentCore(nn.Module):
    """Encoder and decoder of kind `recurrent`."""

    def __init__(self, config: TranslatorConfig, modalities: Iterable[str]) -> None:
        super().__init__()
        hidden = config.hidden_dim
        self.begins = nn.ParameterDict({k: nn.Parameter(torch.zeros(hidden)) for k in modalities})
        self.encoder = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.query, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.energy = nn.Linear(hidden, 1, bias=False)
        self.decoder = nn.LSTMCell(2 * hidden, hidden)

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
        """Return the target sequence BLC. What is said last goes in by the target's `way_in`."""
        keys_BSH = self.key(joint_BSH)
        last_BH = self.begins[target].expand(len(joint_BSH), -1)
        state_BH = cell_BH = torch.zeros_like(last_BH)
        said_LBC: list[Tensor] = []
        for _ in range(length):
            energy_BSH = torch.tanh(keys_BSH + self.query(state_BH).unsqueeze(1))
            scores_BS = self.energy(energy_BSH).squeeze(-1).masked_fill(~mask_BS, -1e4)
            context_BH = torch.einsum("bs,bsh->bh", F.softmax(scores_BS, dim=-1), joint_BSH)
            read_BH = torch.cat([context_BH, last_BH], dim=-1)
            state_BH, cell_BH = self.decoder(read_BH, (state_BH, cell_BH))
            said_LBC.append(way_out(state_BH))
            last_BH = way_in(said_LBC[-1])
        return torch.stack(said_LBC, dim=1)
