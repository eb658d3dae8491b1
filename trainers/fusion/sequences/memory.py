"""Memory fusion network: an LSTM for each view, and a memory of what happens across them.

Zadeh et al., "Memory Fusion Network for Multi-view Sequential Learning", AAAI 2018. With c^t the
cells of all views side by side, and each D a network of two layers:

    a = softmax(D_a([c^(t-1); c^t]))     over all coordinates      m = a * [c^(t-1); c^t]
    u^t = g1 * u^(t-1) + g2 * tanh(D_u(m)),   g_i = sigmoid(D_gi([m; u^(t-1)]))

The state of a step is [h^t; u^t]. A step beyond the end of a sequence leaves all as it was, so the
state of the last step is that of the last true one, wherever the padding ends.

Shape letters in this file:
    B  sequences    T  steps    C  width of a view    V  cells of all views together
    U  width of the memory
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from configs.sequences import MemoryConfig


class MemoryStates(nn.Module):
    """States of a sequence of several views."""

    def __init__(self, config: MemoryConfig, widths: Mapping[str, int], dropout: float) -> None:
        """Build it for views of these widths, in order."""
        super().__init__()
        dims = config.hidden_dims
        hidden = {name: dims[min(at, len(dims) - 1)] for at, name in enumerate(widths)}
        self.cells = nn.ModuleDict(
            {name: nn.LSTMCell(width, hidden[name]) for name, width in widths.items()}
        )
        cells, memory = sum(hidden.values()), config.memory_dim
        self.attention = _two_layers(2 * cells, config.gate_dim, 2 * cells, dropout)
        self.proposal = _two_layers(2 * cells, config.gate_dim, memory, dropout)
        self.keep = _two_layers(2 * cells + memory, config.gate_dim, memory, dropout)
        self.write = _two_layers(2 * cells + memory, config.gate_dim, memory, dropout)
        self.memory_dim, self.width = memory, cells + memory

    def forward(self, views: Mapping[str, Tensor], mask_BT: Tensor) -> Tensor:
        """Return the states of all steps, B x T x (V + U), from views BTC."""
        runs = [self._run(name, views[name], mask_BT) for name in self.cells]
        h_BTV = torch.cat([h for h, _ in runs], dim=2)
        c_BTV = torch.cat([c for _, c in runs], dim=2)
        # Attention and proposal do not look at the memory: all steps are done at once.
        before_BTV = torch.cat([torch.zeros_like(c_BTV[:, :1]), c_BTV[:, :-1]], dim=1)
        both_BTV = torch.cat([before_BTV, c_BTV], dim=2)
        attended_BTV = self.attention(both_BTV).softmax(dim=2) * both_BTV
        proposed_BTU = self.proposal(attended_BTV).tanh()
        u_BU = h_BTV.new_zeros(len(h_BTV), self.memory_dim)
        memory = []
        for step, valid_B1 in enumerate(mask_BT.unsqueeze(2).unbind(1)):
            seen_BV = torch.cat([attended_BTV[:, step], u_BU], dim=1)
            keep_BU, write_BU = self.keep(seen_BV).sigmoid(), self.write(seen_BV).sigmoid()
            made_BU = keep_BU * u_BU + write_BU * proposed_BTU[:, step]
            u_BU = torch.where(valid_B1, made_BU, u_BU)
            memory.append(u_BU)
        return torch.cat([h_BTV, torch.stack(memory, dim=1)], dim=2)

    def pool(self, states_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the state of the last step BH."""
        return states_BTH[:, -1]

    def _run(self, name: str, x_BTC: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
        cell = self.cells[name]
        assert isinstance(cell, nn.LSTMCell)
        h = c = x_BTC.new_zeros(len(x_BTC), cell.hidden_size)
        hs, cs = [], []
        for x_BC, valid_B1 in zip(x_BTC.unbind(1), mask_BT.unsqueeze(2).unbind(1), strict=True):
            new_h, new_c = cell(x_BC, (h, c))
            h, c = torch.where(valid_B1, new_h, h), torch.where(valid_B1, new_c, c)
            hs.append(h)
            cs.append(c)
        return torch.stack(hs, dim=1), torch.stack(cs, dim=1)


def _two_layers(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
    )
