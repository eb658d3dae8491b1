"""Accuracy where modalities are missing at test time: one classifier that was trained with all.

A modality is all that is computed from it: its own feature and, where a run has a translator, the
joint features of that modality as the source. So a missing modality takes its joint features
with it, and those of the others stay as they are. What stands in for it is either zeros, or the
mean of the training clips, which the classifier sees as nothing at all, since it standardises.

Shape letters in this file:
    N  examples        F  width of a feature
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np

from configs.fusion import FusionConfig
from trainers.fusion.classifier import Classifier, accuracy, fit_classifier
from trainers.fusion.early import concatenate
from trainers.fusion.table import Labelled

Fill = Literal["mean", "zero"]


@dataclass(frozen=True, slots=True)
class AbsentRow:
    """Accuracy on the test split with some modalities only."""

    present: tuple[str, ...]
    missing: tuple[str, ...]
    fill: Fill
    accuracies: list[float]
    """One a seed of the classifier."""
    mean: float
    std: float
    """Deviation between seeds (n - 1 in the denominator)."""


@dataclass(frozen=True, slots=True)
class Absence:
    """All subsets of the modalities, the whole first; the empty one is not measured."""

    modalities: tuple[str, ...]
    widths: dict[str, int]
    """Numbers that the classifier gets of each modality."""
    rows: list[AbsentRow]

    def figures(self, prefix: str) -> dict[str, float]:
        """Return means: `PREFIX_all`, and `PREFIX_without_NAME_FILL` where one is missing."""
        found = {}
        for row in self.rows:
            if not row.missing:
                found[f"{prefix}_all"] = row.mean
            elif len(row.missing) == 1:
                found[f"{prefix}_without_{row.missing[0]}_{row.fill}"] = row.mean
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and dicts."""
        return asdict(self)


def measure_absence(
    config: FusionConfig,
    splits: Mapping[str, Labelled],
    num_classes: int,
    *,
    forewarned: bool = False,
) -> Absence:
    """Train a classifier a seed on all modalities, and test it with each subset of them.

    Args:
        config: Terms of the fusion table; a row of it, `early_concat`, is the same classifier.
        splits: `train`, `val` and `test`. Weights are from train, the epoch is chosen on val.
        num_classes: Classes.
        forewarned: Train on every clip once more without each of its modalities, and choose the
            epoch so, instead of on whole clips only.

    Raises:
        ValueError: If there are fewer than two modalities: nothing would be left without one.
    """
    train, val, test = (splits[name] for name in ("train", "val", "test"))
    names = tuple(train.features)
    if len(names) < 2:
        raise ValueError(f"features must be of two modalities or more, got {names}")
    learnt = [train, val]
    if forewarned:
        learnt = [_and_without_each(part, train.features) for part in learnt]
    fitted = [
        fit_classifier(config, seed, learnt[0].fused(), learnt[1].fused(), num_classes)
        for seed in range(config.seeds)
    ]
    rows = [
        _row(fitted, train.features, test, present, fill)
        for size in range(len(names), 0, -1)
        for present in combinations(names, size)
        for fill in (get_args(Fill) if size < len(names) else ("mean",))
    ]
    widths = {name: x_NF.shape[1] for name, x_NF in train.features.items()}
    return Absence(names, widths, rows)


def with_joint(
    own: Mapping[str, np.ndarray], joint: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return all that is computed from a modality alone, its joint features after its own.

    Args:
        own: By modality, `[N, F]`.
        joint: Joint features by source, `[N, H]`; a modality need not have any.
    """
    return {
        name: np.concatenate([x_NF, joint[name]], axis=1) if name in joint else x_NF
        for name, x_NF in own.items()
    }


def without(
    features: Mapping[str, np.ndarray],
    present: Sequence[str],
    fill: Fill,
    train: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the features with what is not `present` replaced, in the same order.

    Args:
        features: By modality, `[N, F]`.
        present: Modalities that stay, bit for bit.
        fill: What stands in for the others.
        train: Features of the training clips, whose mean fills.
    """
    return {
        name: x_NF if name in present else np.broadcast_to(_stand_in(train[name], fill), x_NF.shape)
        for name, x_NF in features.items()
    }


def _and_without_each(part: Labelled, train: Mapping[str, np.ndarray]) -> Labelled:
    """Return the examples whole, and then again without each modality."""
    names = list(part.features)
    kept = [names, *([name for name in names if name != missing] for missing in names)]
    versions = [without(part.features, present, "mean", train) for present in kept]
    return Labelled(
        {name: np.concatenate([version[name] for version in versions]) for name in names},
        np.tile(part.label_N, len(versions)),
    )


def _stand_in(train_NF: np.ndarray, fill: Fill) -> np.ndarray:
    match fill:
        case "zero":
            return np.zeros_like(train_NF[0])
        case "mean":
            return train_NF.mean(axis=0, dtype=np.float64)


def _row(
    fitted: Sequence[Classifier],
    train: Mapping[str, np.ndarray],
    test: Labelled,
    present: tuple[str, ...],
    fill: Fill,
) -> AbsentRow:
    x_NF = concatenate(without(test.features, present, fill, train))
    found = [accuracy(one.log_probabilities(x_NF), test.label_N) for one in fitted]
    missing = tuple(name for name in train if name not in present)
    return AbsentRow(
        present, missing, fill, found, float(np.mean(found)), float(np.std(found, ddof=1))
    )
