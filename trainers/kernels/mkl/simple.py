"""SimpleMKL: kernel weights that the support vector machine itself wants (Rakotomamonjy 2008).

    J(d) = sum over classes of  max_a  sum a - 1/2 (a y)' K_d (a y),   K_d = sum_m d_m K_m

is convex in the weights d, which are not negative and sum to 1. Down its reduced gradient: the
largest weight makes room for the others, and weights that reach 0 stay there while they should,
so kernels that tell nothing are left out altogether.

Shape letters in this file:
    M  kernels        N  training examples        C  classes, 1 where there are two
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainers.kernels.mkl.machine import combine, solve

_TOLERANCE = 1e-5
"""The machines' own, far below that of the duality gap."""

_HALVINGS = 12
"""Of a step that does not go down, before the search is at the end of what can be told."""


@dataclass(frozen=True, slots=True)
class SimpleWeights:
    """Weights with how they were reached."""

    weight_M: np.ndarray
    objectives: list[float]
    """J at the start and after each step; it never grows."""

    gap: float
    """How far J may be above the least there is, as a share of J."""


@dataclass(frozen=True, slots=True)
class _Point:
    weight_M: np.ndarray
    objective: float
    told_M: np.ndarray
    """Half of `(a y)' K_m (a y)`, over all classes: minus the gradient of J."""

    @property
    def gap(self) -> float:
        """The duality gap as a share of the objective (equation 19)."""
        return float(self.told_M.max() - self.weight_M @ self.told_M) / self.objective


_At = Callable[[np.ndarray], _Point]
"""Solves the machines under some weights."""


def simple_weights(
    gram_MNN: np.ndarray,
    sign_CN: np.ndarray,
    penalty: float,
    *,
    gap: float = 1e-3,
    max_steps: int = 200,
) -> SimpleWeights:
    """Return the kernels' weights, `[M]`, shared by all classes.

    Warns where the gap is not reached in `max_steps`; the weights are then the best found.

    Args:
        gram_MNN: Kernels on one scale.
        sign_CN: +1 and -1 for each class.
        penalty: C of the machines.
        gap: Duality gap, as a share of the objective, at which to stop.
        max_steps: Steps at most.
    """
    num_kernels = len(gram_MNN)

    def at(weight_M: np.ndarray) -> _Point:
        return _evaluate(gram_MNN, sign_CN, penalty, weight_M)

    point = at(np.full(num_kernels, 1 / num_kernels))
    objectives = [point.objective]
    while point.gap > gap and len(objectives) <= max_steps:
        lower = _descend(point, at)
        if lower is None:
            break
        point = lower
        objectives.append(point.objective)
    if point.gap > gap:
        warnings.warn(
            f"SimpleMKL stopped at a duality gap of {point.gap:.2g} after {len(objectives) - 1} "
            f"steps, above {gap:.2g}",
            stacklevel=2,
        )
    return SimpleWeights(point.weight_M, objectives, point.gap)


def _evaluate(
    gram_MNN: np.ndarray, sign_CN: np.ndarray, penalty: float, weight_M: np.ndarray
) -> _Point:
    mixed_NN = combine(gram_MNN, weight_M)
    machines = [solve(mixed_NN, sign_N, penalty, _TOLERANCE) for sign_N in sign_CN]
    dual_CN = np.stack([machine.dual_N for machine in machines])
    along_MCN = np.einsum("cn,mnk->mck", dual_CN, gram_MNN, optimize=True)
    told_M = np.einsum("mck,ck->m", along_MCN, dual_CN) / 2
    return _Point(weight_M, sum(machine.objective for machine in machines), told_M)


def _direction(weight_M: np.ndarray, told_M: np.ndarray) -> np.ndarray:
    """Return the reduced gradient's descent direction (equation 12); its sum is 0."""
    pivot = int(weight_M.argmax())
    direction_M = told_M - told_M[pivot]
    direction_M[(weight_M <= 0) & (direction_M < 0)] = 0.0
    direction_M[pivot] = 0.0
    direction_M[pivot] = -direction_M.sum()
    return direction_M


def _descend(point: _Point, at: _At) -> _Point | None:
    """Return a lower point down the reduced gradient, None where none is found.

    The whole step to where the first weight is 0 is taken as long as it goes down: that weight
    stays 0, and the step goes on among the others. Then the step is halved until one goes down.
    """
    direction_M = _direction(point.weight_M, point.told_M)
    best = point
    while (direction_M < 0).any():
        falls_M = direction_M < 0
        ratio_M = np.full(len(direction_M), np.inf)
        ratio_M[falls_M] = -best.weight_M[falls_M] / direction_M[falls_M]
        first = int(ratio_M.argmin())
        longest = float(ratio_M[first])
        edge = at(_moved(best.weight_M, direction_M, longest, first))
        if edge.objective >= best.objective:
            best = _search(best, direction_M, longest, at)
            break
        best = edge
        direction_M = _without(direction_M, first, best.weight_M)
    return best if best is not point else None


def _search(point: _Point, direction_M: np.ndarray, longest: float, at: _At) -> _Point:
    """Halve the step until it goes down, and on as long as that goes lower; else stay."""
    best, step = point, longest
    for _ in range(_HALVINGS):
        step /= 2
        tried = at(_moved(point.weight_M, direction_M, step))
        if tried.objective < best.objective:
            best = tried
        elif best is not point:
            break
    return best


def _without(direction_M: np.ndarray, zeroed: int, weight_M: np.ndarray) -> np.ndarray:
    """Return the direction that leaves a weight alone; the largest takes over what it gave."""
    direction_M = direction_M.copy()
    pivot = int(weight_M.argmax())
    direction_M[[zeroed, pivot]] = 0.0
    direction_M[pivot] = -direction_M.sum()
    return direction_M


def _moved(
    weight_M: np.ndarray, direction_M: np.ndarray, step: float, zeroed: int | None = None
) -> np.ndarray:
    moved_M = np.maximum(weight_M + step * direction_M, 0.0)
    if zeroed is not None:
        moved_M[zeroed] = 0.0
    return moved_M / moved_M.sum()
