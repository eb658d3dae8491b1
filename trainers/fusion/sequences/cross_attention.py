"""Fusion by kernel attention: each modality looks at all of them, at every position.

Layers as Tsai et al., EMNLP 2019, dissect them: x + Att(norm(x); M), then x + two layers of
norm(x). The set M that a query may look at is every valid position of every modality, so a word
may be explained by a sound at another time.

Shape letters in this file:
    B  sequences    T  positions    C  width    M  modalities    S  M * T
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from configs.sequences import KernelAttentionConfig
from trainers.fusion.sequences.pooling import mean_of_valid
from trainers.kernels.attention_layer import KernelAttention


class CrossAttentionStates(nn.Module):
    """States of all modalities, side by side at each position."""

    def __init__(
        self, config: KernelAttentionConfig, widths: Mapping[str, int], dropout: float
    ) -> None:
        """Build it for modalities of these widths."""
        super().__init__()
        self.project = nn.ModuleDict(
            {name: nn.Linear(width, config.width) for name, width in widths.items()}
        )
        self.layers = nn.ModuleList(
            _Layer(config, tuple(widths), dropout) for _ in range(config.layers)
        )
        self.width = config.width * len(widths)

    def forward(self, values: Mapping[str, Tensor], mask_BT: Tensor) -> Tensor:
        """Return the states, B x T x (M * C)."""
        states = {name: project(values[name]) for name, project in self.project.items()}
        for layer in self.layers:
            states = layer(states, mask_BT)
        return torch.cat(list(states.values()), dim=2)

    def pool(self, states_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the mean state BH."""
        return mean_of_valid(states_BTH, mask_BT)


class _Layer(nn.Module):
    def __init__(
        self, config: KernelAttentionConfig, names: tuple[str, ...], dropout: float
    ) -> None:
        super().__init__()
        width = config.width
        self.attention = nn.ModuleDict()
        # One for each pair: positions are compared inside a pair, on the same time base.
        for of in names:
            for to in names:
                self.attention[f"{of} to {to}"] = KernelAttention(
                    width, config.heads, config.kernel, config.tied, config.positions
                )
        self.before = nn.ModuleDict({name: nn.LayerNorm(width) for name in names})
        self.after = nn.ModuleDict({name: nn.LayerNorm(width) for name in names})
        self.think = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(width, 2 * width),
                    nn.ReLU(),
                    nn.Dropout(dropout),
                    nn.Linear(2 * width, width),
                )
                for name in names
            }
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Mapping[str, Tensor], mask_BT: Tensor) -> dict[str, Tensor]:
        normed = {name: self.before[name](x_BTC) for name, x_BTC in states.items()}
        mask_B1T = mask_BT.unsqueeze(1)
        out = {}
        for name, x_BTC in states.items():
            looked = [
                self.attention[f"{name} to {to}"](normed[name], normed[to], mask_B1T)
                for to in states
            ]
            seen_BTC = x_BTC + self.dropout(torch.stack(looked).mean(dim=0))
            out[name] = seen_BTC + self.dropout(self.think[name](self.after[name](seen_BTC)))
        return out
