"""How much a method keeps under corruption: relative and effective robustness.

Liang et al. 2021, "MultiBench", section 3.3, on curves of a figure over corruption levels that
begin with the clean data. The benchmark's code then spreads each over the methods of a table of
its own, so that a figure depends on who else was measured; here the raw values stand.

Shape letters in this file:
    L  levels
"""

import numpy as np

LEVELS = tuple(step / 10 for step in range(10))
"""0 leaves data as it is; 0.9 is the most."""


def relative_robustness(figure_L: np.ndarray) -> float:
    """Return the area under a curve over `LEVELS`, by trapezoids. 0.9 is a perfect method's.

    Raises:
        ValueError: If there is not one figure a level.
    """
    return float(np.trapezoid(_of_levels(figure_L), LEVELS))


def effective_robustness(figure_L: np.ndarray, baseline_L: np.ndarray) -> float:
    """Return what a curve keeps beyond a baseline that begins as high, summed over levels.

    The baseline's own is exactly 0. Above 0: a method loses less than its lead, or the lack of
    one, on clean data makes one expect.

    Raises:
        ValueError: If there is not one figure a level.
    """
    figure_L, baseline_L = _of_levels(figure_L), _of_levels(baseline_L)
    return float(np.sum((figure_L - baseline_L) - (figure_L[0] - baseline_L[0])))


def _of_levels(figure_L: np.ndarray) -> np.ndarray:
    figure_L = np.asarray(figure_L, dtype=np.float64)
    if figure_L.shape != (len(LEVELS),):
        raise ValueError(f"figures must be one a level, {len(LEVELS)}, got {figure_L.shape}")
    return figure_L
