"""The fusion layers, each over a layer of every tower and the fusion layer before; a prediction.

h_l = act_l(W_l [x_m ; y_n ; .. ; h_(l-1)] + b_l), h_0 absent: Perez-Rua et al. 2019, equations 1
and 2, for any number of modalities.

Shape letters in this file:
    K  examples, or positions with a label    F  width of a layer    H  width of the fusion layers
    C  classes; 1 where labels are scores
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from trainers.fusion.mfas.space import Architecture, Space, text


class FusionLayers(nn.Module):
    """The fusion layers of one architecture."""

    def __init__(
        self,
        space: Space,
        architecture: Architecture,
        widths: Mapping[str, int],
        hidden: int,
        outputs: int,
    ) -> None:
        """Build them with fresh weights.

        Args:
            space: Says which layers there are.
            architecture: What is built.
            widths: Width of each layer of the towers.
            hidden: H.
            outputs: C.
        """
        super().__init__()
        self.architecture = architecture
        self.reads = [space.names(unit) for unit in architecture]
        self.units = nn.ModuleList()
        for level, names in enumerate(self.reads):
            width = sum(widths[name] for name in names) + (hidden if level else 0)
            self.units.append(nn.Linear(width, hidden))
        self.out = nn.Linear(hidden, outputs)

    def inputs(self, layers: Mapping[str, Tensor]) -> list[Tensor]:
        """Return what each unit reads of the towers, `[.., F]`."""
        return [torch.cat([layers[name] for name in names], dim=-1) for names in self.reads]

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return logits or scores, `[.., C]`, of what `inputs` returns."""
        hidden: Tensor | None = None
        for level, linear in enumerate(self.units):
            read = inputs[level]
            if hidden is not None:
                read = torch.cat([read, hidden], dim=-1)
            active = self.architecture[level].activation
            hidden = linear(read).relu() if active == "relu" else linear(read).sigmoid()
        return self.out(hidden)

    def shared(self) -> dict[str, nn.Module]:
        """Return the parts that other architectures may begin with, by what they are.

        A unit is the same unit where its level and its choices are the same; a prediction is that
        of its last unit.
        """
        keys = [f"{level}:{text((unit,))}" for level, unit in enumerate(self.architecture)]
        parts = dict(zip(keys, self.units, strict=True))
        return {**parts, f"out:{keys[-1]}": self.out}
