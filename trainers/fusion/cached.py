"""Layers of frozen towers, computed once: what stacking and the search of MFAS train on.

Shape letters in this file:
    N  examples    T  positions of a sequence    F  width of a layer
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from trainers.fusion.examples import Examples
from trainers.fusion.networks import NetworkMethod
from trainers.fusion.training import parts_of
from trainers.fusion.translation_network import Padded
from trainers.tasks.task import Split


@torch.no_grad()
def with_layers(singles: Sequence[NetworkMethod], split: Split) -> Examples:
    """Return examples whose modalities are the layers of all towers, named as `layer_name` says."""
    examples = Examples.of(split)
    found: dict[str, list[Tensor]] = {}
    for rows in parts_of(examples):
        told = examples.take(rows).modalities
        for single in singles:
            for name, layers in single.network.layers(told).items():
                for number, layer in enumerate(layers):
                    found.setdefault(layer_name(name, number), []).append(layer)
    cached: dict[str, Padded] = {}
    for name, parts in found.items():
        whole = torch.cat(parts)
        cached[name] = Padded(whole, torch.ones(whole.shape[:2], dtype=torch.bool))
    return Examples(cached, examples.labels, examples.known)


def layer_name(modality: str, number: int) -> str:
    """Name a layer of a tower."""
    return f"{modality}/{number}"


def last_names(examples: Examples) -> list[str]:
    """Return the name of each tower's last layer, in the order of the towers."""
    last: dict[str, str] = {}
    for name in examples.modalities:
        last[name.rpartition("/")[0]] = name
    return list(last.values())


def named(examples: Examples, names: Sequence[str]) -> list[Tensor]:
    """Return some layers, `[N, F]` or `[N, T, F]` each."""
    return [examples.modalities[name].values_BSC for name in names]


def widths(layers: Mapping[str, Padded]) -> dict[str, int]:
    """Return the width of each layer."""
    return {name: one.values_BSC.shape[-1] for name, one in layers.items()}
