"""A linear probe by the published protocol of HMDB51 (Miech 2020).

Trunk features, not normalised. Every window of a train video is an example of its own; a test video
is of the class with the greatest sum of decision values over its windows. The accuracy is the mean
over the splits of the listing.

Shape letters in this file:
    V  videos        N  windows        F  feature        C  classes
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from configs.probes import ProbeConfig
from shards.manifest import Manifest
from trainers.evaluation.clips import Clip, list_clips
from trainers.evaluation.found import Found
from trainers.evaluation.listings import Row, read_listing, warn_of_missing
from trainers.evaluation.team import Team
from trainers.evaluation.windows import clips_by_video

TRAIN, TEST = 1, 2
_NAMED = 10


@dataclass(frozen=True, slots=True)
class SplitResult:
    """The outcome of one split."""

    accuracy: float
    num_train: int
    num_test: int
    converged: bool
    """Whether the solver came to an end in its 1,000 rounds; the published one has as many."""


def measure_probe(config: ProbeConfig, team: Team) -> Found:
    """Fit and test a classifier for each split of a listing.

    Raises:
        ValueError: If the listing is wrong or of another kind, or a split cannot be fitted.
    """
    layout, listed = read_listing(Path(config.listing))
    if layout != "hmdb51":
        raise ValueError(f"evaluation.probe.listing must be of HMDB51, got one of {layout}")
    by_video = clips_by_video(list_clips(Manifest.load(config.shards)))
    rows = [row for row in listed if row.id in by_video]
    missing = [row.id for row in listed if row.id not in by_video]
    warn_of_missing(config.listing, config.shards, missing, len(listed))
    _refuse_empty_splits(config, rows, len(listed[0].splits))
    clips: list[Clip] = [clip for row in rows for clip in by_video[row.id]]
    feature_NF = team.looks(clips).feature
    ends = np.cumsum([len(by_video[row.id]) for row in rows])[:-1]
    features = np.split(feature_NF, ends)
    classes = sorted({row.text for row in rows})
    results = [
        probe_split(features, rows, classes, split, config.c)
        for split in range(len(listed[0].splits))
    ]
    accuracy = float(np.mean([result.accuracy for result in results]))
    record = {
        "listing": config.listing,
        "rows": len(listed),
        "rows_missing": len(missing),
        "missing": missing[:_NAMED],
        "windows": len(clips),
        "classes": len(classes),
        "c": config.c,
        "accuracy": accuracy,
        "splits": [asdict(result) for result in results],
    }
    return Found(
        {"eval/probe_accuracy": accuracy, "eval/probe_chance": 1 / len(classes)}, {"probe": record}
    )


def probe_split(
    features: Sequence[np.ndarray],
    rows: Sequence[Row],
    classes: Sequence[str],
    split: int,
    c: float,
) -> SplitResult:
    """Fit on the train videos of a split and test on its test videos.

    Args:
        features: The windows of each video, `[N, F]`.
        rows: The videos.
        classes: Names of all classes.
        split: Place in `Row.splits`.
        c: C of LinearSVC.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    train = [index for index, row in enumerate(rows) if row.splits[split] == TRAIN]
    test = [index for index, row in enumerate(rows) if row.splits[split] == TEST]
    number = {name: index for index, name in enumerate(classes)}
    label_N = np.concatenate(
        [np.full(len(features[index]), number[rows[index].text]) for index in train]
    )
    classifier: Any = LinearSVC(C=c, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        classifier.fit(np.concatenate([features[index] for index in train]), label_N)
    converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    right = [
        classifier.classes_[_sum_over_windows(classifier.decision_function(features[index]))]
        == number[rows[index].text]
        for index in test
    ]
    return SplitResult(float(np.mean(right)), len(train), len(test), converged)


def _sum_over_windows(decision: np.ndarray) -> int:
    """Return the place of the class with the greatest sum; of two classes there is one value."""
    if decision.ndim == 1:
        return int(decision.sum() > 0)
    return int(decision.sum(axis=0).argmax())


def _refuse_empty_splits(config: ProbeConfig, rows: Sequence[Row], num_splits: int) -> None:
    for split in range(num_splits):
        train = {row.text for row in rows if row.splits[split] == TRAIN}
        num_test = sum(row.splits[split] == TEST for row in rows)
        if len(train) < 2 or not num_test:
            raise ValueError(
                f"split {split + 1} of {config.listing} must have two classes to train on and "
                f"videos to test with in {config.shards}, got {len(train)} and {num_test}"
            )
