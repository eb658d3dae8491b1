"""MFAS as a method: towers alone, search on their cached layers, the finalists, all together.

As the authors' code does it, but for the finalists: they are trained on the cached layers, and only
the best of them on the val split with its towers, since that costs as much as all the rest.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  classes
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from configs.mfas import MfasConfig, UnitConfig
from configs.networks import NetworksConfig
from trainers.fusion.cached import widths, with_layers
from trainers.fusion.examples import Examples
from trainers.fusion.late_task import fit_singles
from trainers.fusion.mfas.jobs import Map, Rows, Trainer, one_by_one
from trainers.fusion.mfas.network import LayerUnits, MfasNetwork
from trainers.fusion.mfas.search import search
from trainers.fusion.mfas.space import Architecture, Space
from trainers.fusion.mfas.trace import Trace
from trainers.fusion.mfas.unit import FusionLayers
from trainers.fusion.networks import NetworkMethod, as_scores, num_outputs, train_on
from trainers.fusion.training import in_parts, mean_loss, seeded, train_network
from trainers.tasks.task import Split, Task

_GENTLY = 0.1
"""Of the learning rate, for towers that have learned already."""


@dataclass(frozen=True, slots=True)
class Cached:
    """Towers that were trained alone, and what they make of the task."""

    singles: Sequence[NetworkMethod]
    space: Space
    units: LayerUnits
    train: Examples
    val: Examples
    """Layers, in standard units."""

    num_outputs: int

    @classmethod
    def of(cls, task: Task, singles: Sequence[NetworkMethod]) -> "Cached":
        """Compute all layers of all towers once."""
        with seeded(0):
            train, val = (with_layers(singles, task.splits[name]) for name in ("train", "val"))
            units = LayerUnits(train)
            train, val = (_in_units(units, examples) for examples in (train, val))
        space = Space.of(list(train.modalities))
        return cls(singles, space, units, train, val, num_outputs(task))

    def trainer(self, config: MfasConfig) -> Trainer:
        """Return what trains architectures of a search."""
        train, val = Rows.of(self.train), Rows.of(self.val)
        return Trainer(self.space, config, train, val, self.num_outputs)


@dataclass(frozen=True, slots=True)
class MfasMethod:
    """A trained network: see `trainers.fusion.method.Fitted`."""

    network: MfasNetwork
    space: Space
    has_classes: bool
    trace: Trace | None
    """What the search has tried; None where the architecture was given."""

    @property
    def num_parameters(self) -> int:
        """Trained weights, those of towers that no fusion layer reads included."""
        return sum(weight.numel() for weight in self.network.parameters())

    @property
    def architecture(self) -> tuple[UnitConfig, ...]:
        """The architecture, as settings that train it without a search."""
        return self.space.to_settings(self.network.fusion.architecture)

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]` or `[N, T]`."""
        with seeded(0):
            outputs = in_parts(lambda some: self.network(some.modalities), Examples.of(split))
        return as_scores(outputs, has_classes=self.has_classes)


def fit(
    task: Task,
    config: MfasConfig,
    seed: int,
    folder: Path | None = None,
    jobs: Map = one_by_one,
) -> MfasMethod:
    """Train towers, search, and train what was found.

    Args:
        task: Train split for weights, val split for choices.
        config: With an `architecture` there is no search.
        seed: Of all draws.
        folder: Gets the log of the search.
        jobs: Does the jobs of the search.

    Raises:
        ValueError: The architecture does not fit the task, or there is no label to learn from.
    """
    cached = Cached.of(task, fit_singles(task, config.networks, seed))
    if config.architecture:
        trace, found = None, [cached.space.from_settings(config.architecture)]
    else:
        trace = search(cached.trainer(config), seed, folder, jobs)
        found = trace.best(config.finalists)
    fusion = fit_frozen(cached, config, seed, found)
    network = MfasNetwork(cached.singles, cached.units, fusion)
    if config.tune:
        with seeded(seed):
            train_on(task, _gentle(config.networks), network)
    return MfasMethod(network.eval(), cached.space, bool(task.classes), trace)


def fit_frozen(
    cached: Cached, config: MfasConfig, seed: int, architectures: Sequence[Architecture]
) -> FusionLayers:
    """Train each of some architectures on the cached layers, and return the best on `val`."""
    best: tuple[float, FusionLayers] | None = None
    width = widths(cached.train.modalities)
    for architecture in architectures:
        with seeded(seed):
            fusion = FusionLayers(
                cached.space, architecture, width, config.final_hidden_dim, cached.num_outputs
            )

            def forward(some: Examples, fusion: FusionLayers = fusion) -> Tensor:
                layers = {name: one.values_BSC for name, one in some.modalities.items()}
                return fusion(fusion.inputs(layers))

            train_network(config.networks, fusion, forward, cached.train, cached.val)
            loss = mean_loss(forward, cached.val)
        if best is None or loss < best[0]:
            best = loss, fusion
    assert best is not None
    return best[1]


def _gentle(config: NetworksConfig) -> NetworksConfig:
    return config.model_copy(update={"lr": config.lr * _GENTLY})


def _in_units(units: LayerUnits, examples: Examples) -> Examples:
    layers = units({name: one.values_BSC for name, one in examples.modalities.items()})
    told = {
        name: dataclasses.replace(one, values_BSC=layers[name])
        for name, one in examples.modalities.items()
    }
    return dataclasses.replace(examples, modalities=told)
