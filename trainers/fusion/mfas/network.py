"""Towers with the fusion layers of one architecture on them: what is trained in the end.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  classes; 1 where labels are scores
    F  width of a layer
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from trainers.fusion.cached import layer_name
from trainers.fusion.examples import Examples
from trainers.fusion.mfas.unit import FusionLayers
from trainers.fusion.networks import NetworkMethod, standard
from trainers.fusion.translation_network import Padded
from trainers.models.standardise import Standardise, feature_statistics


class LayerUnits(nn.Module):
    """The standard units of each layer of the towers, as they were when the search began."""

    def __init__(self, cached: Examples) -> None:
        super().__init__()
        self.of = nn.ModuleDict()
        for name, one in cached.modalities.items():
            layer = one.values_BSC if one.values_BSC.dim() == 3 else one.values_BSC[:, None]
            units = Standardise(layer.shape[2])
            everywhere_NT = torch.ones(layer.shape[:2], dtype=torch.bool)
            told_NT = cached.known if cached.known.dim() == 2 else everywhere_NT
            units.set(*feature_statistics(layer, told_NT))
            self.of[name] = units

    def forward(self, layers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return layers in standard units."""
        return {name: self.of[name](layer) for name, layer in layers.items()}


class MfasNetwork(nn.Module):
    """Copies of towers that were trained alone, and fusion layers on them."""

    def __init__(
        self, singles: Sequence[NetworkMethod], units: LayerUnits, fusion: FusionLayers
    ) -> None:
        super().__init__()
        self.towers, self.standardise = nn.ModuleDict(), nn.ModuleDict()
        for single in singles:
            for name in single.network.names:
                self.towers[name] = copy.deepcopy(single.network.towers[name])
                self.standardise[name] = copy.deepcopy(single.network.standardise[name])
        self.units, self.fusion = units, fusion

    def forward(self, modalities: Mapping[str, Padded]) -> Tensor:
        """Return logits or scores, `[N, C]` or `[N, T, C]`."""
        layers: dict[str, Tensor] = {}
        for name, tower in self.towers.items():
            read = tower(standard(self.standardise[name], modalities[name]))
            layers |= {layer_name(name, number): layer for number, layer in enumerate(read)}
        return self.fusion(self.fusion.inputs(self.units(layers)))
