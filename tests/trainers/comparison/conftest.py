"""Small tasks that tests make: two modalities, each knowing a part of the label."""

import numpy as np
import pytest

from trainers.tasks.task import Sequences, Split, Task


def _split(seed: int, count: int, length: int = 5, name: str = "x") -> Split:
    """A class is 2 a + b: `left` shows a, `right` shows b, over positions of its own number."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=count)
    lengths = rng.integers(1, length + 1, size=count)
    mask_NT = np.arange(length) < lengths[:, None]
    left = np.where(labels // 2, 1.5, -1.5)[:, None, None] + rng.normal(size=(count, 1, 3))
    right = np.where(labels % 2, 1.5, -1.5)[:, None, None] + rng.normal(size=(count, length, 4))
    right = np.where(mask_NT[:, :, None], right, 0)
    return Split(
        tuple(f"{name}{row}" for row in range(count)),
        {
            "left": Sequences(left.astype(np.float32), np.ones((count, 1), bool)),
            "right": Sequences(right.astype(np.float32), mask_NT),
        },
        labels.astype(np.int64),
    )


@pytest.fixture(scope="session")
def made() -> Task:
    """240 examples to learn from. Do not write into them."""
    return Task(
        "made",
        ("0", "1", "2", "3"),
        {
            "train": _split(0, 240, name="train"),
            "val": _split(1, 80, name="val"),
            "test": _split(2, 120, name="test"),
        },
    )
