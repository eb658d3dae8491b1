"""The fusion table: single modalities, early and late fusion, on equal terms.

Every row trains the same classifier for the same epochs with the same seeds on the train
split, chooses epochs and weights on the val split, and is reported on the test split only.
"The best" of several rows is the one with the highest mean on the test split.

Shape letters in this file:
    N  examples        F  width of a feature        M  modalities        C  classes
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from configs.fusion import FusionConfig
from trainers.fusion.classifier import Examples, accuracy, fit_classifier
from trainers.fusion.early import concatenate
from trainers.fusion.late import (
    learn_weights,
    mean_of_probabilities,
    product_of_probabilities,
    weighted_sum,
)
from trainers.fusion.unimodal import ceiling, fit_each, predict_each

Kind = Literal["unimodal", "early", "late"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One split: each modality's features and the labels."""

    features: dict[str, np.ndarray]
    label_N: np.ndarray

    def examples(self) -> dict[str, Examples]:
        """Return the modalities one by one."""
        return {name: Examples(x_NF, self.label_N) for name, x_NF in self.features.items()}

    def fused(self) -> Examples:
        """Return the modalities side by side."""
        return Examples(concatenate(self.features), self.label_N)


@dataclass(frozen=True, slots=True)
class Row:
    """One method."""

    name: str
    kind: Kind
    accuracies: list[float]
    """Accuracy on the test split, one a seed."""
    mean: float
    std: float
    """Deviation between seeds (n - 1 in the denominator)."""
    ceiling: float | None = None
    """Accuracy that the modality's own factor of the label allows, where it is known."""
    limit: float | None = None
    """The ceiling plus two standard errors of an accuracy over the test clips."""
    exceeds_ceiling: bool = False
    """The mean is above the limit: a modality knows what it should not."""


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and what to hold them against."""

    rows: list[Row]
    classes: list[int | str]
    seeds: list[int]
    num_train: int
    num_val: int
    num_test: int
    majority: float
    """Test accuracy of always answering the train split's most frequent label."""
    chance: float
    best_unimodal: str
    best_fusion: str
    gain: float
    """Best fusion minus best single modality, in shares of 1."""
    late_weights: dict[str, list[float]]
    """Learned weight of each modality, one a seed."""

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and dicts."""
        return asdict(self)


def make_table(
    config: FusionConfig,
    splits: Mapping[str, Labelled],
    classes: Sequence[int | str],
    test_factors: Mapping[str, Sequence[Hashable]],
) -> Table:
    """Train and measure every row.

    Args:
        config: Terms that all rows share.
        splits: `train`, `val` and `test`.
        classes: The labels, by class number.
        test_factors: By modality, the part of each test label that it reveals; a modality
            that is missing here has no known ceiling.
    """
    train, val, test = (splits[name] for name in ("train", "val", "test"))
    seeds = list(range(config.seeds))
    results = [_measure(config, seed, train, val, test, len(classes)) for seed in seeds]
    modalities = list(train.features)
    ceilings = {
        name: ceiling(factors, test.label_N.tolist()) for name, factors in test_factors.items()
    }
    rows = [
        _row(name, modalities, [accuracies[name] for accuracies, _ in results], ceilings, test)
        for name in results[0][0]
    ]
    single = max((r for r in rows if r.kind == "unimodal"), key=lambda row: row.mean)
    fused = max((r for r in rows if r.kind != "unimodal"), key=lambda row: row.mean)
    majority = np.bincount(train.label_N, minlength=len(classes)).argmax()
    return Table(
        rows=rows,
        classes=list(classes),
        seeds=seeds,
        num_train=len(train.label_N),
        num_val=len(val.label_N),
        num_test=len(test.label_N),
        majority=float(np.mean(test.label_N == majority)),
        chance=1 / len(classes),
        best_unimodal=single.name,
        best_fusion=fused.name,
        gain=fused.mean - single.mean,
        late_weights={
            name: [float(weight_M[m]) for _, weight_M in results]
            for m, name in enumerate(modalities)
        },
    )


def _measure(
    config: FusionConfig,
    seed: int,
    train: Labelled,
    val: Labelled,
    test: Labelled,
    num_classes: int,
) -> tuple[dict[str, float], np.ndarray]:
    """Return the test accuracy of every row for one seed, and the learned weights `[M]`."""
    singles = fit_each(config, seed, train.examples(), val.examples(), num_classes)
    early = fit_classifier(config, seed, train.fused(), val.fused(), num_classes)
    test_MNC = predict_each(singles, test.features)
    weight_M = learn_weights(predict_each(singles, val.features), val.label_N)
    decisions = dict(zip(singles, test_MNC, strict=True)) | {
        "early_concat": early.log_probabilities(test.fused().features_NF),
        "late_mean": mean_of_probabilities(test_MNC),
        "late_product": product_of_probabilities(test_MNC),
        "late_weighted": weighted_sum(test_MNC, weight_M),
    }
    return {name: accuracy(x_NC, test.label_N) for name, x_NC in decisions.items()}, weight_M


def _row(
    name: str,
    modalities: Sequence[str],
    accuracies: list[float],
    ceilings: Mapping[str, float],
    test: Labelled,
) -> Row:
    mean, std = float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))
    if name not in modalities:
        return Row(name, "early" if name.startswith("early") else "late", accuracies, mean, std)
    best = ceilings.get(name)
    if best is None:
        return Row(name, "unimodal", accuracies, mean, std)
    limit = best + 2 * math.sqrt(best * (1 - best) / len(test.label_N))
    return Row(name, "unimodal", accuracies, mean, std, best, limit, mean > limit)
