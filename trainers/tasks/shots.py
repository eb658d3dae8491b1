"""A task with few labels: k of each class in `train` and in `val`, all of `test`.

Choices are made on as few labels as weights are: a large validation split would be labels too
(Perez et al. 2021, "True Few-Shot Learning with Language Models"). Of scores, k labels on either
side of the train split's median are kept.

Shape letters in this file:
    N  examples    T  positions of a sequence    P  positions with a label
"""

import hashlib
from dataclasses import replace

import numpy as np

from trainers.tasks.task import UNLABELLED, Sequences, Split, SplitName, Task


def with_shots(task: Task, shots: int, seed: int) -> Task:
    """Return the task with `shots` labels a class; where a class has fewer, all of them.

    A label is drawn by the name of its example, so the draw does not depend on the order. More
    shots keep the labels that fewer keep. Of `[N]` labels other examples are gone, of `[N, T]`
    those without any label.

    Raises:
        ValueError: If `shots` is not at least 1.
    """
    if shots < 1:
        raise ValueError(f"shots must be at least 1, got {shots}")
    halves_at = None if task.classes else float(np.median(_labels(task.splits["train"])))
    few: dict[SplitName, Split] = {
        name: _few(task.splits[name], shots, f"{seed}:{name}", halves_at)
        for name in ("train", "val")
    }
    return Task(f"{task.name}-{shots}shot", task.classes, {**task.splits, **few})


def take(split: Split, rows: np.ndarray) -> Split:
    """Return some examples, in the order of `rows`."""
    return Split(
        ids=tuple(split.ids[row] for row in rows),
        modalities={
            name: Sequences(one.values_NTC[rows], one.mask_NT[rows])
            for name, one in split.modalities.items()
        },
        labels=split.labels[rows],
        label_mask_NT=None if split.label_mask_NT is None else split.label_mask_NT[rows],
    )


def _labels(split: Split) -> np.ndarray:
    return split.labels if split.label_mask_NT is None else split.labels[split.label_mask_NT]


def _few(split: Split, shots: int, draw: str, halves_at: float | None) -> Split:
    mask = split.label_mask_NT
    mask = np.ones(split.labels.shape, bool) if mask is None else mask
    place_P = np.argwhere(mask)
    group_P = split.labels[mask]
    if halves_at is not None:
        group_P = (group_P > halves_at).astype(np.int64)
    order_P = np.argsort([_rank(draw, split.ids[p[0]], p[1:]) for p in place_P])
    kept = np.zeros(split.labels.shape, bool)
    for group in np.unique(group_P[group_P != UNLABELLED]):
        drawn = order_P[group_P[order_P] == group][:shots]
        kept[tuple(place_P[drawn].T)] = True
    rows = np.flatnonzero(kept.reshape(len(kept), -1).any(axis=1))
    few = take(split, rows)
    return few if split.label_mask_NT is None else replace(few, label_mask_NT=kept[rows])


def _rank(draw: str, example: str, position: np.ndarray) -> int:
    name = f"{draw}:{example}:{','.join(map(str, position))}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:7], "big")
