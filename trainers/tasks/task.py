"""Labelled examples of several modalities: what translation of pairs and fusion learn from.

Shape letters in this file:
    N  examples    T  positions of a sequence, 1 where there is no sequence    C  width
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

SplitName = Literal["train", "val", "test"]

UNLABELLED = -1
"""Class of a train example whose class is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """One modality of all examples. A vector is one position, an image a sequence of rows."""

    values_NTC: np.ndarray
    """float32."""

    mask_NT: np.ndarray
    """bool, true where a position is valid; valid ones come first."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Some examples with their labels, row by row the same in all modalities."""

    ids: tuple[str, ...]
    """Stable names of the examples; what is drawn for an example is drawn from its name."""

    modalities: Mapping[str, Sequences]

    labels: np.ndarray
    """int64 classes or float32 scores: `[N]`, or `[N, T]` where each position has its own. In a
    train split a class may be `UNLABELLED`. Scores `[N, K]` without a mask are K of an example,
    which only `fusion.sequences` learns at once."""

    label_mask_NT: np.ndarray | None = None
    """bool, true where a position has a label; None where labels are `[N]`."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A data set with its three splits."""

    name: str
    classes: tuple[str, ...]
    """Names of the classes by number; empty where labels are scores."""

    splits: Mapping[SplitName, Split]
