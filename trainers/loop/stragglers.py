"""A worker that is slow for long: which one, where it runs, and what it is slow at.

Workers wait for each other in every step, so their step times are equal. What is compared is the
time that each needs itself, and for one virtual rank, since some workers have more of them.

Shape letters in this file:
    W  workers
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Straggler:
    """A slow worker, as it is named."""

    worker: int
    node: str
    phase: str
    """`data`: its clips come late. `step`: its computing takes long."""

    ratio: float
    """Its own time, in that of the others' median: the mean over the steps that it was slow."""

    step: int
    """Finished steps when it was named."""

    def __str__(self) -> str:
        return (
            f"worker {self.worker} on {self.node} is slow: {self.ratio:.1f} times the others' "
            f"median up to step {self.step}, in phase {self.phase}"
        )


class StragglerWatch:
    """Takes the times of all workers step by step, and names a slow one once in a row."""

    def __init__(
        self, nodes_W: Sequence[str], shares_W: Sequence[int], ratio: float, steps: int
    ) -> None:
        """Begin.

        Args:
            nodes_W: Machine of each worker.
            shares_W: Virtual ranks of each worker.
            ratio: From how many times the others' median on a worker is slow.
            steps: Steps in a row after which it is named.
        """
        self._nodes_W, self._shares_W = nodes_W, np.asarray(shares_W, float)
        self._ratio, self._steps = ratio, steps
        self._slow_W = np.zeros(len(nodes_W), int)
        """Steps in a row that each was slow; over them, the sums of the next three."""
        self._ratios_W = np.zeros(len(nodes_W))
        self._late_data_W = np.zeros(len(nodes_W))
        self._late_compute_W = np.zeros(len(nodes_W))

    def add(self, step: int, data_W: np.ndarray, compute_W: np.ndarray) -> list[Straggler]:
        """Return who is named after this step. A worker alone is never slow.

        Args:
            step: Finished steps.
            data_W: Seconds that each waited for its data in the last of them.
            compute_W: Seconds that each computed.
        """
        if len(data_W) < 2:
            return []
        data_W, compute_W = data_W / self._shares_W, compute_W / self._shares_W
        own_W = data_W + compute_W
        usual_W = others_median(own_W)
        slow_W = own_W > self._ratio * usual_W
        self._slow_W = np.where(slow_W, self._slow_W + 1, 0)
        self._ratios_W += own_W / np.maximum(usual_W, 1e-9)
        self._late_data_W += data_W - others_median(data_W)
        self._late_compute_W += compute_W - others_median(compute_W)
        for sums_W in (self._ratios_W, self._late_data_W, self._late_compute_W):
            sums_W[~slow_W] = 0.0
        named_W = np.flatnonzero(self._slow_W == self._steps).tolist()
        return [self._name(worker, step) for worker in named_W]

    def _name(self, worker: int, step: int) -> Straggler:
        phase = "data" if self._late_data_W[worker] > self._late_compute_W[worker] else "step"
        ratio = float(self._ratios_W[worker] / self._slow_W[worker])
        return Straggler(worker, self._nodes_W[worker], phase, ratio, step)


def others_median(values_W: np.ndarray) -> np.ndarray:
    """Return, for each worker, the median over all others.

    With two workers the median of both would be half their sum, and neither could be far above.
    """
    order_W = np.argsort(values_W, kind="stable")
    sorted_W, places_W = values_W[order_W], np.argsort(order_W)
    others = len(values_W) - 1
    low, high = (others - 1) // 2, others // 2
    # Places at and behind the left-out value move up by one.
    return (sorted_W[low + (low >= places_W)] + sorted_W[high + (high >= places_W)]) / 2
