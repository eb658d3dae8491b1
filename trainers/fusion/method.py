"""A method of fusion: a function from a task to something that scores examples.

Who compares methods knows no more of them than this, so every method meets the same splits,
the same corruptions and the same missing modalities.

    fitted = fit(task, config, seed)      # weights of `train`, choices by `val`, never `test`
    scores = fitted.scores(task.splits["test"])

Shape letters in this file:
    N  examples    T  positions of a sequence    C  classes
"""

from typing import Any, Protocol

import numpy as np

from trainers.tasks.task import Split, Task


class Fitted(Protocol):
    """A trained method. Scoring changes nothing in it, and reads no labels."""

    @property
    def num_parameters(self) -> int:
        """Numbers that training has set: weights, or the coefficients of a kernel machine."""
        ...

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]`, or scores `[N]` where a task has no classes.

        Where labels are `[N, T]`, so are the examples: `[N, T, C]` or `[N, T]`; what stands at
        positions without a label counts nowhere. An example's scores depend on no other example
        of the split, so a split may be scored in parts.
        """
        ...


class Fit(Protocol):
    """Trains a method: the same task, config and seed give the same scores."""

    def __call__(self, task: Task, config: Any, seed: int) -> Fitted:
        """Train on the split `train`, choose epochs and hyper-parameters on `val`."""
        ...
