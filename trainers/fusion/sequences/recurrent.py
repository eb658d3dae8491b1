"""Early fusion over time: all modalities side by side, read by an LSTM in both directions.

The contextual network of Poria et al., "Context-Dependent Sentiment Analysis in User-Generated
Videos", ACL 2017, where an utterance is seen beside those before and after it.

Shape letters in this file:
    B  sequences    T  positions    C  width of a modality    H  width of a state
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from configs.sequences import RecurrentConfig
from trainers.fusion.sequences.pooling import mean_of_valid


class RecurrentStates(nn.Module):
    """States that have seen the whole sequence, of its true length."""

    def __init__(self, config: RecurrentConfig, widths: Mapping[str, int]) -> None:
        """Build it for modalities of these widths."""
        super().__init__()
        self.names = tuple(widths)
        self.layer = nn.LSTM(
            sum(widths.values()), config.hidden_dim, batch_first=True, bidirectional=True
        )
        self.width = 2 * config.hidden_dim

    def forward(self, values: Mapping[str, Tensor], mask_BT: Tensor) -> Tensor:
        """Return the states BTH, 0 where the mask is false."""
        x_BTC = torch.cat([values[name] for name in self.names], dim=2)
        lengths_B = mask_BT.sum(dim=1).cpu()
        packed = pack_padded_sequence(x_BTC, lengths_B, batch_first=True, enforce_sorted=False)
        states, _ = self.layer(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=mask_BT.shape[1])[0]

    def pool(self, states_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the mean state BH."""
        return mean_of_valid(states_BTH, mask_BT)
