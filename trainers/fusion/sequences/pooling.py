"""One state for a sequence.

Shape letters in this file:
    B  sequences    T  positions    H  width of a state
"""

from torch import Tensor


def mean_of_valid(states_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Return the mean BH over valid positions."""
    weights_BT = mask_BT.to(states_BTH.dtype)
    total_BH = (states_BTH * weights_BT.unsqueeze(2)).sum(dim=1)
    return total_BH / weights_BT.sum(dim=1, keepdim=True).clamp_min(1)
