"""Small made-up tasks, in which each modality knows half of the label."""

from collections.abc import Callable

import numpy as np
import pytest

from trainers.tasks.task import Sequences, Split, SplitName, Task

NUMBERS: dict[SplitName, int] = {"train": 240, "val": 80, "test": 80}


def _half(rng: np.random.Generator, half_N: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Noise about -1 or 1."""
    noise = rng.normal(size=(len(half_N), *shape)) * 0.4
    return (noise + (2 * half_N - 1).reshape(-1, *[1] * len(shape))).astype(np.float32)


def _whole(values_NTC: np.ndarray) -> Sequences:
    return Sequences(values_NTC, np.ones(values_NTC.shape[:2], dtype=bool))


def _ragged(rng: np.random.Generator, values_NTC: np.ndarray) -> Sequences:
    length_N1 = rng.integers(1, values_NTC.shape[1] + 1, size=(len(values_NTC), 1))
    return Sequences(values_NTC, np.arange(values_NTC.shape[1]) < length_N1)


@pytest.fixture
def halves() -> Callable[..., Task]:
    """Make a task of three modalities: two know half of the class each, the third nothing.

    `shape` is that of an example, `(1, 6)` a vector, `(8, 8)` an image; with `ragged` lengths
    differ; with `scores` the label is a number.
    """

    def make(
        shape: tuple[int, int] = (1, 6), *, ragged: bool = False, scores: bool = False
    ) -> Task:
        splits: dict[SplitName, Split] = {}
        for number, (name, size) in enumerate(NUMBERS.items()):
            rng = np.random.default_rng(number)
            first_N, second_N = rng.integers(2, size=(2, size))
            arrays = {
                "left": _half(rng, first_N, shape),
                "right": _half(rng, second_N, shape),
                "noise": rng.normal(size=(size, *shape)).astype(np.float32),
            }
            told = {k: _ragged(rng, x) if ragged else _whole(x) for k, x in arrays.items()}
            label_N = 2 * first_N + second_N
            splits[name] = Split(
                tuple(f"{name}{i}" for i in range(size)),
                told,
                label_N.astype(np.float32) if scores else label_N,
            )
        return Task("halves", () if scores else ("a", "b", "c", "d"), splits)

    return make
