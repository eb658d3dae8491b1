"""Multi-view hidden conditional random field: labels with latent parts, a chain for each view.

Song, Morency, Davis, "Multi-View Latent Variable Discriminative Models for Action Recognition",
CVPR 2012: each view v has a hidden state h_v at each position, linked to its own before and after,
and to the other views' at the same position ("linked" topology). With a label y a position, the
hidden states are those of its label (LDCRF); with one label a sequence, y is the same everywhere
(HCRF). The score of all states is

    sum_t sum_v E_v(x_v, t)[y_t, h_v,t] + sum_t sum_(v<w) P_vw[y_t, h_v,t, h_w,t]
      + sum_t sum_v A_v[(y_(t-1), h_v,t-1), (y_t, h_v,t)]

Inference is exact, over the product of all views' hidden states: K = hidden_states ** views.

Shape letters in this file:
    B  sequences    T  positions    V  views    C  labels    H  hidden states of a view
    K  hidden states of all views together    S  C * K    X  width of a view
"""

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn

from configs.sequences import HiddenCrfConfig
from trainers.fusion.sequences.chain import log_marginals, log_partition
from trainers.fusion.sequences.inputs import known


class HiddenChain(nn.Module):
    """Potentials of labels and hidden states, and sums over the hidden ones."""

    def __init__(self, config: HiddenCrfConfig, widths: Mapping[str, int], num_labels: int) -> None:
        """Build it for views of these widths.

        Raises:
            ValueError: If there are more than 4,096 states, too many to sum over.
        """
        super().__init__()
        hidden, names = config.hidden_states, tuple(widths)
        joint = hidden ** len(names)
        if num_labels * joint > 4096:
            raise ValueError(
                "labels * hidden_states ** views must be 4096 at most, "
                f"got {num_labels} * {hidden} ** {len(names)}"
            )
        self.num_labels, self.joint, self.hidden = num_labels, joint, hidden
        self.emission = nn.ModuleDict(
            {
                name: nn.Conv1d(
                    width, num_labels * hidden, 2 * config.window + 1, padding=config.window
                )
                for name, width in widths.items()
            }
        )
        # Hidden states of a label are alike until something tells them apart: begin unlike.
        self.within = nn.ParameterDict(
            {n: 0.1 * torch.randn(num_labels, hidden, num_labels, hidden) for n in names}
        )
        self.between = nn.ParameterDict(
            {
                f"{a} {b}": 0.1 * torch.randn(num_labels, hidden, hidden)
                for a, b in combinations(names, 2)
            }
        )
        # Row k: the hidden state of each view, of which joint state k consists.
        digits = torch.cartesian_prod(*[torch.arange(hidden)] * len(names)).view(joint, -1)
        self.register_buffer("digits_KV", digits, persistent=False)

    def emissions(self, views: Mapping[str, Tensor], mask_BT: Tensor) -> Tensor:
        """Return the scores of label and joint hidden state, BTCK, from views BTX."""
        total = torch.zeros(())
        for at, (name, layer) in enumerate(self.emission.items()):
            x_BXT = (views[name] * mask_BT.unsqueeze(2)).mT
            own_BTCH = layer(x_BXT).mT.unflatten(2, (self.num_labels, self.hidden))
            total = total + own_BTCH[..., self.digits_KV[:, at]]
        for (a, b), table in zip(
            combinations(range(len(self.emission)), 2), self.between.values(), strict=True
        ):
            total = total + table[:, self.digits_KV[:, a], self.digits_KV[:, b]]
        return total

    def transitions(self) -> Tensor:
        """Return the scores of a joint state after another, CKCK."""
        total = torch.zeros(())
        for at, table_CHCH in enumerate(self.within.values()):
            digit_K = self.digits_KV[:, at]
            total = total + table_CHCH[:, digit_K][..., digit_K]
        return total

    def of_positions(self, emission_BTCK: Tensor, mask_BT: Tensor) -> Tensor:
        """Return log p(label_t | x) of all positions, BTC."""
        states_BTS = log_marginals(emission_BTCK.flatten(2), self._square(), mask_BT)
        return states_BTS.view_as(emission_BTCK).logsumexp(dim=3)

    def of_sequences(self, emission_BTCK: Tensor, mask_BT: Tensor) -> Tensor:
        """Return log p(label | x) of each sequence, BC."""
        batch = len(emission_BTCK)
        each_BCTK = emission_BTCK.transpose(1, 2).flatten(0, 1)
        own_CKK = self.transitions().diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        masks = mask_BT.repeat_interleave(self.num_labels, dim=0)
        weights = log_partition(each_BCTK, own_CKK.repeat(batch, 1, 1), masks)
        return weights.view(batch, self.num_labels).log_softmax(dim=1)

    def losses(self, emission_BTCK: Tensor, mask_BT: Tensor, label: Tensor) -> Tensor:
        """Return -log p(known labels | x) of each sequence, in nats; labels are BT or B."""
        if label.ndim == 1:
            log_BC = self.of_sequences(emission_BTCK, mask_BT)
            own_B = log_BC.gather(1, label.clamp_min(0).unsqueeze(1)).squeeze(1)
            return -own_B * known(label)
        labels_C1 = torch.arange(self.num_labels).unsqueeze(1)
        wrong = known(label)[..., None, None] & (label[..., None, None] != labels_C1)
        told_BTCK = emission_BTCK.masked_fill(wrong, -torch.inf)
        table_SS = self._square()
        free_B = log_partition(emission_BTCK.flatten(2), table_SS, mask_BT)
        return free_B - log_partition(told_BTCK.flatten(2), table_SS, mask_BT)

    def _square(self) -> Tensor:
        size = self.num_labels * self.joint
        return self.transitions().reshape(size, size)
