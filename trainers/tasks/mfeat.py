"""UCI multiple features: 2,000 handwritten digits seen in six ways, row by row the same digit.

van Breukelen et al., "Handwritten digit recognition by combined classifiers", 1998. The views are
exact pairs, so one can be translated into another: Fourier coefficients (fou, 76), profile
correlations (fac, 216), Karhunen-Loeve coefficients (kar, 64), pixel averages (pix, 240), Zernike
moments (zer, 47), morphological features (mor, 6).

Shape letters in this file:
    N  examples    C  width of a view
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.tasks.task import UNLABELLED, Sequences, Split, SplitName, Task

NUM_CLASSES = 10
TRAIN, VAL, TEST = 120, 20, 60
"""Digits of each class in the splits."""


def load(
    folder: Path, views: Sequence[str], labelled: int = NUM_CLASSES * TRAIN, seed: int = 0
) -> Task:
    """Read `mfeat-VIEW.csv` of some views: 1,200 train, 200 val and 600 test digits.

    The splits are always the same. Val and test digits all have their labels.

    Args:
        folder: Where the files lie.
        views: Which views, in order.
        labelled: Train digits that keep their label, the same number of each class; the others'
            label is `UNLABELLED`.
        seed: Draws which ones keep it.

    Raises:
        ValueError: If `labelled` is not a number of classes times 1..120, or if the views disagree
            on the labels.
    """
    each, rest = divmod(labelled, NUM_CLASSES)
    if rest or not 1 <= each <= TRAIN:
        raise ValueError(
            f"labelled must be a multiple of {NUM_CLASSES} up to {NUM_CLASSES * TRAIN}, "
            f"got {labelled}"
        )
    tables = {view: _read(folder / f"mfeat-{view}.csv") for view in views}
    label_N = next(iter(tables.values()))[:, -1].astype(np.int64)
    if any(not np.array_equal(table[:, -1], label_N) for table in tables.values()):
        raise ValueError(f"views must have the same label in each row, got other ones in {views}")
    rows = _rows_of_splits(label_N)
    splits = {name: _split(tables, label_N, rows_N) for name, rows_N in rows.items()}
    draw = np.random.default_rng(seed)
    known_N = np.zeros(len(rows["train"]), dtype=bool)
    for number in range(NUM_CLASSES):
        of_class = np.flatnonzero(splits["train"].labels == number)
        known_N[draw.choice(of_class, size=each, replace=False)] = True
    splits["train"].labels[~known_N] = UNLABELLED
    classes = tuple(str(number) for number in range(NUM_CLASSES))
    return Task(f"mfeat_{'_'.join(views)}_{labelled}", classes, splits)


def _read(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float64, ndmin=2)


def _rows_of_splits(label_N: np.ndarray) -> dict[SplitName, np.ndarray]:
    """Return row numbers in ascending order, the same number of each class in a split."""
    draw = np.random.default_rng(0)
    starts_ends: dict[SplitName, tuple[int, int]] = {
        "train": (0, TRAIN),
        "val": (TRAIN, TRAIN + VAL),
        "test": (TRAIN + VAL, TRAIN + VAL + TEST),
    }
    of_class = [draw.permutation(np.flatnonzero(label_N == n)) for n in range(NUM_CLASSES)]
    return {
        name: np.sort(np.concatenate([rows_N[start:end] for rows_N in of_class]))
        for name, (start, end) in starts_ends.items()
    }


def _split(tables: dict[str, np.ndarray], label_N: np.ndarray, rows_N: np.ndarray) -> Split:
    everywhere_NT = np.ones((len(rows_N), 1), dtype=bool)
    return Split(
        tuple(f"{row:04d}" for row in rows_N),
        {
            view: Sequences(table[rows_N, None, :-1].astype(np.float32), everywhere_NT)
            for view, table in tables.items()
        },
        label_N[rows_N],
    )
