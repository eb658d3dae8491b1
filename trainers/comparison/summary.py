"""The grid as a table: mean and spread over seeds, and each method held against late fusion.

Shape letters in this file:
    S  seeds    P  positions with a label    L  levels
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.comparison.maps import maps_of
from trainers.comparison.paired import compare
from trainers.comparison.robustness import effective_robustness, relative_robustness
from trainers.comparison.run import Grid
from trainers.fusion.rows import known_rows
from trainers.tasks.task import Task

BASELINES = ("late_product", "late_mean", "early")
"""Held against: the first of these that was measured on a task."""


def summarise(grid: Grid, tasks: Mapping[str, Task]) -> dict[str, Any]:
    """Return everything that the report shows, as plain lists and dicts, one entry a task."""
    return {
        "tasks": [_task(grid, name, task) for name, task in tasks.items()],
        "failed": {cell.name: error for cell, error in grid.failed.items()},
    }


def _task(grid: Grid, name: str, task: Task) -> dict[str, Any]:
    by_method: dict[str, list[dict[str, Any]]] = {}
    for cell, found in grid.cells.items():
        if cell.task == name:
            by_method.setdefault(cell.method, []).append(found)
    baseline = next((method for method in BASELINES if method in by_method), None)
    level = blind_gain(task)
    base = by_method.get(baseline, []) if baseline else []
    methods = [_method(method, cells, base, task, level) for method, cells in by_method.items()]
    return {
        "task": name,
        "labels": "classes" if task.classes else "scores",
        "classes": list(task.classes),
        "modalities": list(task.splits["train"].modalities),
        "examples": {split: len(task.splits[split].ids) for split in ("train", "val", "test")},
        "blind": level,
        "baseline": baseline,
        "methods": sorted(methods, key=lambda row: -row["gain"]["mean"]),
        "maps": maps_of(task),
        "unfit": {
            method: reason for (of_task, method), reason in grid.unfit.items() if of_task == name
        },
    }


def blind_gain(task: Task) -> float:
    """Return what one reaches on the test split who sees no modality.

    Of classes the accuracy of the train split's most frequent one; of scores minus the error of
    the train split's median, which no constant beats there.
    """
    train, test = (
        task.splits[name].labels.ravel()[known_rows(task.splits[name])]
        for name in ("train", "test")
    )
    if task.classes:
        return float(np.mean(test == np.bincount(train).argmax()))
    return -float(np.mean(np.abs(test - np.median(train))))


def _method(
    method: str,
    cells: Sequence[Mapping[str, Any]],
    base: Sequence[Mapping[str, Any]],
    task: Task,
    level: float,
) -> dict[str, Any]:
    gain_SP = np.array([cell["gains"] for cell in cells])
    figures = {
        name: spread([cell["figures"][name] for cell in cells]) for name in cells[0]["figures"]
    }
    gain = spread(gain_SP.mean(axis=1).tolist())
    row: dict[str, Any] = {
        "method": method,
        "seeds": len(cells),
        "gain": gain,
        "figures": figures,
        "at_or_below_blind": gain["mean"] <= level,
        "num_parameters": cells[0]["num_parameters"],
        "cost": {
            "train_cpu_s": spread([cell["cost"]["train"]["cpu_s"] for cell in cells]),
            "score_ms": spread(
                [
                    1000 * cell["cost"]["score"]["cpu_s"] / cell["cost"]["examples_scored"]
                    for cell in cells
                ]
            ),
            "peak_bytes": _most([cell["cost"]["train"]["peak_bytes"] for cell in cells]),
        },
        "missing": _over_seeds([cell["missing"] for cell in cells]),
        "corrupted": _over_seeds(_corrupted(cells)),
        "notes": cells[0].get("notes", {}),
    }
    shared = min(len(cells), len(base))
    if shared and base[0]["corrupted"] is not None:
        row["robustness"] = _robustness(row["corrupted"], _over_seeds(_corrupted(base)))
    if shared:
        other_SP = np.array([cell["gains"] for cell in base[:shared]])
        found = compare(gain_SP[:shared], other_SP, _examples(task), seed=0)
        row["against_baseline"] = found.to_json()
    return row


def _corrupted(cells: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the curves of the seeds that have some."""
    return [cell["corrupted"] for cell in cells if cell["corrupted"] is not None]


def _examples(task: Task) -> np.ndarray:
    test = task.splits["test"]
    if test.label_mask_NT is None:
        return np.nonzero(np.ones(test.labels.shape, bool))[0]
    return np.nonzero(test.label_mask_NT)[0]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, sample deviation (None of one value) and the values."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": deviation, "values": list(values)}


def _most(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _over_seeds(trees: Sequence[Any]) -> Any:
    """Return the mean over seeds of every number in trees of one form."""
    if not trees:
        return {}
    first = trees[0]
    if isinstance(first, Mapping):
        return {key: _over_seeds([tree[key] for tree in trees]) for key in first}
    return np.mean(np.array(trees, dtype=np.float64), axis=0).tolist()


def _robustness(
    own: Mapping[str, Mapping[str, list[float]]], base: Mapping[str, Mapping[str, list[float]]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return relative and effective robustness by modality and corruption."""
    return {
        modality: {
            kind: {
                "relative": relative_robustness(np.array(curve)),
                "effective": effective_robustness(np.array(curve), np.array(base[modality][kind])),
            }
            for kind, curve in kinds.items()
        }
        for modality, kinds in own.items()
    }
