"""Histogram intersection: what two histograms have in common (Swain and Ballard 1991).

Shape letters in this file:
    Q  queries        N  examples        B  bins
"""

import numpy as np
from scipy.spatial.distance import cdist


def intersection(query_QB: np.ndarray, example_NB: np.ndarray) -> np.ndarray:
    """Return the sums over bins of the lesser of two counts, `[Q, N]`.

    A kernel on counts that are not negative: it is the dot product of the histograms written in
    unary (Barla, Odone and Verri 2003).

    Raises:
        ValueError: A count is negative or not finite.
    """
    for name, histogram in (("queries", query_QB), ("examples", example_NB)):
        if not (np.isfinite(histogram).all() and (histogram >= 0).all()):
            raise ValueError(f"{name} must be counts of at least 0, got negative ones or NaN")
    # min(a, b) = (a + b - |a - b|) / 2, and SciPy sums |a - b| without a [Q, N, B] array.
    apart_QN = cdist(query_QB, example_NB, "cityblock")
    total_QN = query_QB.sum(axis=1, dtype=np.float64)[:, None] + example_NB.sum(
        axis=1, dtype=np.float64
    )
    return np.maximum((total_QN - apart_QN) / 2, 0.0)
