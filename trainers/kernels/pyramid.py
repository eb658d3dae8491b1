"""Pyramid match: how well two sets of points can be matched (Grauman and Darrell 2005).

Points are matched in cells of side 1, 2, 4, ...; a match found first at side 2^i counts 1 / 2^i.
N_i = I_i - I_(i-1) new matches at level i, so the kernel is a sum of intersections with positive
weights, hence positive semi-definite.

Shape letters in this file:
    P  points of a set        D  dimensions        L  levels        S  sets        Z  cells
"""

from collections.abc import Sequence

import numpy as np

from trainers.kernels.gram import cosine
from trainers.kernels.histograms import intersection


def pyramid_match(
    queries: Sequence[np.ndarray],
    examples: Sequence[np.ndarray],
    *,
    levels: int,
    side: float = 1.0,
) -> np.ndarray:
    """Return the kernel between sets of points, each set of length one, `[Q, N]`.

    Args:
        queries: Sets of points `[P, D]`, of different P.
        examples: Others of the same D.
        levels: Sides of cells above the finest; points further apart than the coarsest cell
            are matched only by chance.
        side: Side of the finest cells, in units of the points.

    Raises:
        ValueError: `levels` is negative, `side` is not positive, or widths differ.
    """
    if levels < 0 or not side > 0:
        raise ValueError(f"levels and side must be positive, got {levels} and {side}")
    sets = [*queries, *examples]
    if len({points_PD.shape[1] for points_PD in sets}) > 1:
        raise ValueError("sets of points must have one width, got several")
    size_S = np.array([len(points_PD) for points_PD in sets], dtype=np.float64)
    set_P = np.repeat(np.arange(len(sets)), size_S.astype(int))
    points_PD = np.concatenate(sets) / side
    gram_QN = np.zeros((len(queries), len(examples)))
    for level in range(levels + 1):
        count_SZ = _histograms(points_PD / 2**level, set_P, len(sets))
        # I_i counts with 1 / 2^i as a new match and is taken off again at the next level.
        weight = 1 / 2**level if level == levels else 1 / 2 ** (level + 1)
        gram_QN += weight * intersection(count_SZ[: len(queries)], count_SZ[len(queries) :])
    # A set matches itself wholly at the finest level: its kernel with itself is its size.
    return cosine(gram_QN, size_S[: len(queries)], size_S[len(queries) :])


def _histograms(points_PD: np.ndarray, set_P: np.ndarray, num_sets: int) -> np.ndarray:
    cells, cell_P = np.unique(np.floor(points_PD).astype(np.int64), axis=0, return_inverse=True)
    count_SZ = np.zeros((num_sets, len(cells)))
    np.add.at(count_SZ, (set_P, cell_P.ravel()), 1.0)
    return count_SZ
