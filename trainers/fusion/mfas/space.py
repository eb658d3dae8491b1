"""Architectures: fusion layers, each with a layer of every modality and an activation."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from configs.mfas import Activation, UnitConfig
from trainers.fusion.cached import layer_name

ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


class Unit(NamedTuple):
    """One fusion layer."""

    layers: tuple[int, ...]
    """Number of the layer of each modality, in the space's order."""

    activation: Activation


Architecture = tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """The layers that there are."""

    depths: Mapping[str, int]
    """Layers of each modality's tower."""

    @classmethod
    def of(cls, names: Sequence[str]) -> "Space":
        """Count the layers of names such as `audio/3`."""
        depths: dict[str, int] = {}
        for name in names:
            modality = name.rpartition("/")[0]
            depths[modality] = depths.get(modality, 0) + 1
        return cls(depths)

    def units(self) -> list[Unit]:
        """Return all units, always in the same order."""
        numbers = itertools.product(*(range(depth) for depth in self.depths.values()))
        return [Unit(layers, act) for layers in numbers for act in ACTIVATIONS]

    def names(self, unit: Unit) -> list[str]:
        """Return the names of the layers that a unit reads."""
        return [layer_name(m, n) for m, n in zip(self.depths, unit.layers, strict=True)]

    def last(self) -> Architecture:
        """Return the architecture of late fusion: the last layers of all, once."""
        return (Unit(tuple(depth - 1 for depth in self.depths.values()), "relu"),)

    def numbers(self, unit: Unit) -> list[float]:
        """Return what the surrogate reads of a unit: each choice between 0 and 1."""
        chosen = [*unit.layers, ACTIVATIONS.index(unit.activation)]
        most = [*self.depths.values(), len(ACTIVATIONS)]
        return [number / max(top - 1, 1) for number, top in zip(chosen, most, strict=True)]

    def to_settings(self, architecture: Architecture) -> tuple[UnitConfig, ...]:
        """Return the settings that say the same."""
        return tuple(
            UnitConfig(
                layers=dict(zip(self.depths, unit.layers, strict=True)), activation=unit.activation
            )
            for unit in architecture
        )

    def from_settings(self, settings: Sequence[UnitConfig]) -> Architecture:
        """Return the architecture that settings say.

        Raises:
            ValueError: They name other modalities, or layers that are not there.
        """
        for unit in settings:
            known = set(unit.layers) == set(self.depths)
            if not known or any(not 0 <= n < self.depths[m] for m, n in unit.layers.items()):
                raise ValueError(
                    f"layers must be one of each modality of {dict(self.depths)}, "
                    f"from 0, got {unit.layers}"
                )
        return tuple(
            Unit(tuple(unit.layers[m] for m in self.depths), unit.activation) for unit in settings
        )


def text(architecture: Architecture) -> str:
    """Return `1,0,sigmoid 4,1,relu`, which `parse` reads."""
    return " ".join(",".join(map(str, (*unit.layers, unit.activation))) for unit in architecture)


def parse(written: str) -> Architecture:
    """Read what `text` wrote."""
    units = []
    for part in written.split():
        *layers, activation = part.split(",")
        units.append(Unit(tuple(map(int, layers)), _activation(activation)))
    return tuple(units)


def _activation(word: str) -> Activation:
    return ACTIVATIONS[ACTIVATIONS.index(word)]  # type: ignore[arg-type]
