"""Small tasks of sequences: two modalities, each knowing a part of the label."""

import numpy as np
import pytest

from trainers.tasks.task import UNLABELLED, Sequences, Split, Task


def _positions(seed: int, count: int, length: int = 6) -> Split:
    """A label a position, 2 a + b: `left` shows a and `right` shows b, at every position."""
    rng = np.random.default_rng(seed)
    labels_NT = rng.integers(4, size=(count, length))
    mask_NT = np.arange(length) < rng.integers(2, length + 1, size=count)[:, None]
    values = {}
    for name, part_NT in (("left", labels_NT // 2), ("right", labels_NT % 2)):
        shown_NT1 = np.where(part_NT, 1.5, -1.5)[:, :, None]
        values_NTC = shown_NT1 + rng.normal(size=(count, length, 2)) * 0.7
        values_NTC = np.where(mask_NT[:, :, None], values_NTC, 0).astype(np.float32)
        values[name] = Sequences(values_NTC, mask_NT)
    names = tuple(f"s{seed}_{row}" for row in range(count))
    return Split(names, values, labels_NT.astype(np.int64), mask_NT)


def _whole(seed: int, count: int, length: int = 6) -> Split:
    """A label a sequence: `left` is one vector, `right` a sequence of other lengths."""
    rng = np.random.default_rng(seed)
    label_N = rng.integers(4, size=count)
    mask_NT = np.arange(length) < rng.integers(1, length + 1, size=count)[:, None]
    left = np.where(label_N // 2, 1.5, -1.5)[:, None, None] + rng.normal(size=(count, 1, 2)) * 0.7
    right = np.where(label_N % 2, 1.5, -1.5)[:, None, None] + rng.normal(size=(count, length, 3))
    right = np.where(mask_NT[:, :, None], right, 0)
    return Split(
        tuple(f"w{seed}_{row}" for row in range(count)),
        {
            "left": Sequences(left.astype(np.float32), np.ones((count, 1), bool)),
            "right": Sequences(right.astype(np.float32), mask_NT),
        },
        label_N.astype(np.int64),
    )


@pytest.fixture(scope="session")
def positions() -> Task:
    """A label a position, some of the train labels unknown. Do not write into it."""
    splits = {"train": _positions(0, 80), "val": _positions(1, 30), "test": _positions(2, 40)}
    splits["train"].labels[::5, 1] = UNLABELLED
    return Task("positions", ("0", "1", "2", "3"), splits)


@pytest.fixture(scope="session")
def whole() -> Task:
    """A label a sequence. Do not write into it."""
    splits = {"train": _whole(0, 200), "val": _whole(1, 60), "test": _whole(2, 100)}
    return Task("whole", ("0", "1", "2", "3"), splits)


@pytest.fixture(scope="session")
def scored(whole: Task) -> Task:
    """A score a sequence: its class, from 0 to 3."""
    splits = {
        name: Split(split.ids, split.modalities, split.labels.astype(np.float32))
        for name, split in whole.splits.items()
    }
    return Task("scored", (), splits)
