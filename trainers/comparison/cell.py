"""One cell of the grid: a method trained on a task with one seed, and all that is asked of it.

Shape letters in this file:
    P  positions with a label    L  levels
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from configs.grid import LossesConfig
from trainers.comparison.channels import Channels
from trainers.comparison.corruptions import corrupt
from trainers.comparison.costs import costed
from trainers.comparison.metrics import measure
from trainers.comparison.missing import subsets, without
from trainers.comparison.notes import notes_of
from trainers.comparison.outcomes import outcomes
from trainers.comparison.robustness import LEVELS
from trainers.fusion.method import Fitted
from trainers.tasks.task import Split, Task


def measure_cell(
    task: Task, fit: Callable[[Task], Fitted], losses: LossesConfig, seed: int
) -> dict[str, Any]:
    """Train on the task and measure on its test split; return plain lists and dicts.

    Keys: `figures` (see `metrics`), `gains` (a number a position, see `Outcomes.gains`),
    `num_parameters`, `missing` (by stand-in, a mean gain for each subset such as `audio+text`),
    `corrupted` (by modality and corruption, a mean gain for each level), `notes` (see
    `notes_of`) and `cost`, which alone is another each time.
    """
    with _one_thread():
        train, test = task.splits["train"], task.splits["test"]
        fitted, of_training = costed(lambda: fit(task))
        scores, of_scoring = costed(lambda: fitted.scores(test))
        found = outcomes(scores, test)
        whole = float(np.mean(found.gains()))
        corrupted = seed < losses.corrupted_seeds
        return {
            "figures": measure(found),
            "gains": found.gains().tolist(),
            "num_parameters": int(fitted.num_parameters),
            "missing": _missing(fitted, test, train, losses, whole),
            "corrupted": (_corrupted(fitted, test, train, losses, whole) if corrupted else None),
            "notes": notes_of(fitted, task),
            "cost": {
                "train": asdict(of_training),
                "score": asdict(of_scoring),
                "examples_scored": len(test.ids),
            },
        }


def mean_gain(fitted: Fitted, split: Split) -> float:
    """Return accuracy, or minus the mean absolute error."""
    return float(np.mean(outcomes(fitted.scores(split), split).gains()))


def _missing(
    fitted: Fitted, test: Split, train: Split, losses: LossesConfig, whole: float
) -> dict[str, dict[str, float]]:
    everything, *parts = subsets(list(test.modalities))
    return {
        kind: {"+".join(everything): whole}
        | {
            "+".join(present): mean_gain(fitted, without(test, present, kind, train))
            for present in parts
        }
        for kind in losses.stand_ins
    }


def _corrupted(
    fitted: Fitted, test: Split, train: Split, losses: LossesConfig, whole: float
) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for name, sequences in train.modalities.items():
        channels = Channels.of(sequences)
        found[name] = {
            kind: [whole]
            + [
                mean_gain(fitted, corrupt(test, name, kind, level, losses.seed, channels))
                for level in LEVELS[1:]
            ]
            for kind in losses.corruptions
        }
    return found


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, whatever machine a cell falls to."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
