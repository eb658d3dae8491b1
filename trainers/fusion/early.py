"""Early fusion: the modalities side by side, before any classifier.

Of one feature a modality the time base is the same already. Streams are brought to the time base of
the one with the most positions (`timebase`), images lie over one another as channels. Each column
is in the standard units of the train split, so no modality is louder than another.

Shape letters in this file:
    N  examples    T  positions    C  columns, of a modality or of all together
    Y  rows of an image    X  columns of an image    F  width of a feature, or the sum of several
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from configs.networks import NetworksConfig
from trainers.fusion.examples import padded
from trainers.fusion.networks import (
    FusedNetwork,
    NetworkMethod,
    labels_each,
    standard,
    standardiser,
    train_on,
)
from trainers.fusion.timebase import one_time_base
from trainers.fusion.towers import kind_of
from trainers.fusion.training import seeded
from trainers.models.standardise import Standardise
from trainers.tasks.task import Sequences, Split, SplitName, Task

_ALL = "all"


def concatenate(features: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return `[x_1; ..; x_M]` of shape `[N, F]`, the modalities in the mapping's order."""
    return np.concatenate(list(features.values()), axis=1)


@dataclass(frozen=True, slots=True)
class Beside:
    """Makes one modality of all, by what it has seen of the train split."""

    units: Mapping[str, Standardise]
    images: bool
    """All modalities are images."""

    base: str
    """The modality whose time base is everybody's."""

    @classmethod
    def of(cls, task: Task) -> "Beside":
        """Look at the train split."""
        told, each = task.splits["train"].modalities, labels_each(task)
        kinds = {kind_of(one, each=each) for one in told.values()}
        return cls(
            {name: standardiser(one, each=each) for name, one in told.items()},
            kinds == {"image"},
            max(told, key=lambda name: told[name].mask_NT.shape[1]),
        )

    @property
    def channels(self) -> int:
        """Images that lie over one another."""
        return len(self.units) if self.images else 1

    def __call__(self, split: Split) -> Split:
        """Return the split with one modality."""
        told = padded(split)
        parts: dict[str, Sequences] = {}
        for name, units in self.units.items():
            one = standard(units, told[name])
            parts[name] = Sequences(one.values_BSC.numpy(), one.mask_BS.numpy())
        parts = _over(parts) if self.images else one_time_base(parts, self.base)
        values_NTC = np.concatenate([one.values_NTC for one in parts.values()], axis=2)
        mask_NT = np.logical_or.reduce([one.mask_NT for one in parts.values()])
        return replace(split, modalities={_ALL: Sequences(values_NTC, mask_NT)})


@dataclass(frozen=True, slots=True)
class EarlyMethod:
    """One network over all modalities: see `trainers.fusion.method.Fitted`."""

    beside: Beside
    inner: NetworkMethod

    @property
    def num_parameters(self) -> int:
        """Trained weights."""
        return self.inner.num_parameters

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]` or `[N, T]`."""
        return self.inner.scores(self.beside(split))


def fit(task: Task, config: NetworksConfig, seed: int) -> EarlyMethod:
    """Train one tower on all modalities side by side.

    Raises:
        ValueError: The task has no label to learn from.
    """
    beside = Beside.of(task)
    splits: dict[SplitName, Split] = {name: beside(task.splits[name]) for name in ("train", "val")}
    together = Task(task.name, task.classes, splits)
    with seeded(seed):
        network = FusedNetwork(config, together, (_ALL,), "concat", beside.channels)
        train_on(together, config, network)
    return EarlyMethod(beside, NetworkMethod(network, bool(task.classes)))


def _over(images: Mapping[str, Sequences]) -> dict[str, Sequences]:
    """Return images of one size, as large as the largest, what is new around them at the mean."""
    shapes = [one.values_NTC.shape[1:] for one in images.values()]
    rows, columns = (max(sides) for sides in zip(*shapes, strict=True))
    found = {}
    for name, one in images.items():
        number, own_rows, own_columns = one.values_NTC.shape
        top, left = (rows - own_rows) // 2, (columns - own_columns) // 2
        values_NYX = np.zeros((number, rows, columns), dtype=np.float32)
        values_NYX[:, top : top + own_rows, left : left + own_columns] = one.values_NTC
        found[name] = Sequences(values_NYX, np.ones(values_NYX.shape[:2], dtype=bool))
    return found
