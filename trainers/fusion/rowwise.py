"""Modalities alone, early and late fusion of a task by the one small classifier of the table.

Shape letters in this file:
    M  modalities    R  rows: examples, or positions of them    C  classes    F  columns
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from configs.fusion import FusionConfig
from trainers.fusion.classifier import Classifier, Examples, fit_classifier
from trainers.fusion.late import (
    learn_weights,
    mean_of_probabilities,
    product_of_probabilities,
    weighted_sum,
)
from trainers.fusion.rows import RowMaker, known_rows
from trainers.tasks.task import Split, Task

Form = Literal["early", "mean", "product", "weighted"]


@dataclass(frozen=True, slots=True)
class RowwiseMethod:
    """Classifiers, each of some modalities side by side, and how their answers are joined."""

    rows: RowMaker
    inputs: tuple[tuple[str, ...], ...]
    classifiers: tuple[Classifier, ...]
    form: Form
    weight_M: np.ndarray
    """Of the classifiers, for the form `weighted`."""

    @property
    def num_parameters(self) -> int:
        """Weights of the networks, and those between them where they are learned."""
        trained = sum(p.numel() for c in self.classifiers for p in c.network.parameters())
        return trained + (len(self.weight_M) if self.form == "weighted" else 0)

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities, as `trainers.fusion.method.Fitted` says."""
        log_RC = self._join(_answers(self.rows, self.inputs, self.classifiers, split))
        return log_RC.reshape(*split.labels.shape, -1)

    def _join(self, answer_MRC: np.ndarray) -> np.ndarray:
        match self.form:
            case "early":
                return answer_MRC[0]
            case "mean":
                return mean_of_probabilities(answer_MRC)
            case "product":
                return product_of_probabilities(answer_MRC)
            case "weighted":
                return weighted_sum(answer_MRC, self.weight_M)
            case _:
                assert_never(self.form)


def fit(
    task: Task, config: FusionConfig, seed: int, form: Form, modalities: Sequence[str] = ()
) -> RowwiseMethod:
    """Train on `train`; epochs, and weights between classifiers, are chosen on `val`.

    Args:
        task: Labels are classes.
        config: Of the classifier.
        seed: Of its weights.
        form: `early` is one classifier of all; the others have one of each modality.
        modalities: Some of the task's; all of them where none is named.
    """
    names = tuple(modalities or task.splits["train"].modalities)
    inputs = (names,) if form == "early" else tuple((name,) for name in names)
    train, val = task.splits["train"], task.splits["val"]
    rows = RowMaker.of(train)
    classifiers = tuple(
        fit_classifier(
            config,
            seed,
            _examples(rows, named, train),
            _examples(rows, named, val),
            len(task.classes),
        )
        for named in inputs
    )
    weight_M = np.full(len(inputs), 1 / len(inputs))
    if form == "weighted":
        known = known_rows(val)
        answer_MRC = _answers(rows, inputs, classifiers, val)[:, known]
        weight_M = learn_weights(answer_MRC, val.labels.ravel()[known])
    return RowwiseMethod(rows, inputs, classifiers, form, weight_M)


def _examples(rows: RowMaker, named: Sequence[str], split: Split) -> Examples:
    known = known_rows(split)
    return Examples(_columns(rows, named, split)[known], split.labels.ravel()[known])


def _columns(rows: RowMaker, named: Sequence[str], split: Split) -> np.ndarray:
    made = rows(split)
    return np.concatenate([made[name] for name in named], axis=1).astype(np.float32)


def _answers(
    rows: RowMaker,
    inputs: Sequence[Sequence[str]],
    classifiers: Sequence[Classifier],
    split: Split,
) -> np.ndarray:
    return np.stack(
        [
            classifier.log_probabilities(_columns(rows, named, split))
            for named, classifier in zip(inputs, classifiers, strict=True)
        ]
    )
