"""Bidirectional recurrent layers over padded sequences: pads change nothing.

Shape letters in this file:
    B  sequences    S  positions    H  width
"""

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_summed(layer: nn.RNNBase, x_BSH: Tensor, mask_BS: Tensor | None) -> Tensor:
    """Return the outputs BSH of a bidirectional layer, its two directions summed.

    Args:
        layer: Batch first, bidirectional, one layer.
        x_BSH: Inputs.
        mask_BS: True where a position is valid; valid positions come first. None: all are. The
            backward direction begins at a sequence's own end.
    """
    if mask_BS is None:
        both_BSH, _ = layer(x_BSH)
    else:
        # A sequence without any valid position still gets a length, of one.
        lengths_B = mask_BS.sum(dim=1).clamp_min(1).cpu()
        packed = pack_padded_sequence(x_BSH, lengths_B, batch_first=True, enforce_sorted=False)
        encoded, _ = layer(packed)
        both_BSH, _ = pad_packed_sequence(encoded, batch_first=True, total_length=x_BSH.shape[1])
    forward_BSH, backward_BSH = both_BSH.chunk(2, dim=-1)
    return forward_BSH + backward_BSH
