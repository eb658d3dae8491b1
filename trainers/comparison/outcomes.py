"""What a method got right: its scores and the labels, of the positions that have a label.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  classes    P  positions with a label
"""

from dataclasses import dataclass

import numpy as np

from trainers.tasks.task import Split


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Scores beside labels. Where labels are `[N]` each example is one position."""

    scores: np.ndarray
    """Log-probabilities `[P, C]` in float64, or scores `[P]`."""

    label_P: np.ndarray
    example_P: np.ndarray
    """Row of the example in its split: positions of one example are not independent."""

    @property
    def is_classes(self) -> bool:
        """Whether labels are classes."""
        return self.scores.ndim == 2

    def gains(self) -> np.ndarray:
        """Return what counts, the more the better: 1 where right, minus the absolute error."""
        if self.is_classes:
            return (self.scores.argmax(axis=1) == self.label_P).astype(np.float64)
        return -np.abs(self.scores - self.label_P)


def outcomes(scores: np.ndarray, split: Split) -> Outcomes:
    """Take the positions that have a label.

    Raises:
        ValueError: If the scores are not those of the split, or are not finite numbers.
    """
    is_classes = np.issubdtype(split.labels.dtype, np.integer)
    expected = split.labels.ndim + is_classes
    if scores.ndim != expected or scores.shape[: split.labels.ndim] != split.labels.shape:
        raise ValueError(
            f"scores must have {expected} axes that begin with {split.labels.shape}, "
            f"got {scores.shape}"
        )
    counted = split.label_mask_NT
    if counted is None:
        counted = np.ones(split.labels.shape, dtype=bool)
    taken = np.asarray(scores, dtype=np.float64)[counted]
    # A class that a method rules out has log-probability -inf; a NaN says nothing at all.
    if np.isnan(taken).any() or (not is_classes and np.isinf(taken).any()):
        raise ValueError("scores must be numbers, got NaN or infinity where there is a label")
    return Outcomes(taken, split.labels[counted], np.nonzero(counted)[0])
