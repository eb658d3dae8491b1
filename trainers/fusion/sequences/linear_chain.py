"""Linear-chain conditional random field: the labels of a sequence, each beside its neighbours.

Lafferty et al., "Conditional Random Fields", ICML 2001. Emissions come from the fused states;
`transition_CC[i, j]` is what label i at t-1 says for label j at t. A position whose label is not
known is summed over, so its likelihood is exact too.

Shape letters in this file:
    B  sequences    T  positions    C  labels
"""

import torch
from torch import Tensor, nn

from trainers.fusion.sequences.chain import log_marginals, log_partition, viterbi
from trainers.fusion.sequences.inputs import known


class LinearChain(nn.Module):
    """Transition scores of labels, and inference with them."""

    def __init__(self, num_labels: int) -> None:
        """Build it; at first it says nothing of neighbours."""
        super().__init__()
        self.transition_CC = nn.Parameter(torch.zeros(num_labels, num_labels))
        self.start_C = nn.Parameter(torch.zeros(num_labels))

    def losses(self, emission_BTC: Tensor, mask_BT: Tensor, label_BT: Tensor) -> Tensor:
        """Return -log p(known labels | x) of each sequence, in nats."""
        emission_BTC = self._begun(emission_BTC)
        told_BTC = only_known(emission_BTC, label_BT)
        free_B = log_partition(emission_BTC, self.transition_CC, mask_BT)
        return free_B - log_partition(told_BTC, self.transition_CC, mask_BT)

    def log_marginals(self, emission_BTC: Tensor, mask_BT: Tensor) -> Tensor:
        """Return log p(label_t | x) of all positions, BTC."""
        return log_marginals(self._begun(emission_BTC), self.transition_CC, mask_BT)

    def best(self, emission_BTC: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the most probable labels of each sequence as a whole, BT; -1 beyond its end."""
        return viterbi(self._begun(emission_BTC), self.transition_CC, mask_BT)[0]

    def _begun(self, emission_BTC: Tensor) -> Tensor:
        return torch.cat([emission_BTC[:, :1] + self.start_C, emission_BTC[:, 1:]], dim=1)


def only_known(emission_BTC: Tensor, label_BT: Tensor) -> Tensor:
    """Return emissions that rule out all but the label where it is known; last axis: labels."""
    labels_C = torch.arange(emission_BTC.shape[-1])
    wrong_BTC = known(label_BT).unsqueeze(2) & (label_BT.unsqueeze(2) != labels_C)
    return emission_BTC.masked_fill(wrong_BTC, -torch.inf)
