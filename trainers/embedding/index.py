"""Nearest vectors, exactly: usearch scans all of them, and says how well it agrees with numpy.

usearch (Apache-2.0) brings no OpenMP of its own, which beside torch's can crash a process, and
keeps nothing to be built or to go stale. A scan of 100,000 rows of 512 takes 7 ms a query on one
core. An approximate index would be worth its errors from some ten million rows on.

Shape letters in this file:
    N  vectors    Q  queries    D  width    K  nearest ones that are asked for
"""

from typing import Literal, NamedTuple

import numpy as np

Likeness = Literal["dot", "cosine"]

TIE = 1e-5
"""Scores that differ by less, relative to the largest, count as equal: sums split differently."""


class Nearest(NamedTuple):
    """The nearest vectors of each query, the nearest first."""

    row_QK: np.ndarray
    score_QK: np.ndarray
    """Dot product or cosine: greater is nearer."""


class Index:
    """Vectors that are searched by dot product, or by cosine."""

    def __init__(self, x_ND: np.ndarray, likeness: Likeness) -> None:
        """Take the vectors; for cosine, scale them to length 1 (zeros stay zeros)."""
        self._x_ND = _unit(x_ND) if likeness == "cosine" else np.ascontiguousarray(x_ND, np.float32)
        self._likeness = likeness

    def __len__(self) -> int:
        return len(self._x_ND)

    def nearest(self, query_QD: np.ndarray, count: int) -> Nearest:
        """Return the `count` nearest vectors of each query, or all where there are fewer."""
        from usearch.index import MetricKind, search

        count = min(count, len(self))
        if count == 0 or len(query_QD) == 0:
            empty = np.zeros((len(query_QD), count))
            return Nearest(empty.astype(np.int64), empty.astype(np.float32))
        query_QD = self._prepared(query_QD)
        found = search(self._x_ND, query_QD, count, MetricKind.IP, exact=True)
        row_QK = np.asarray(found.keys).reshape(len(query_QD), count).astype(np.int64)
        # Its distances are 1 - score, in which small differences of large scores are lost.
        score_QK = np.einsum("qd,qkd->qk", query_QD, self._x_ND[row_QK])
        order_QK = np.argsort(-score_QK, axis=1, kind="stable")
        return Nearest(
            np.take_along_axis(row_QK, order_QK, 1), np.take_along_axis(score_QK, order_QK, 1)
        )

    def agreement(self, query_QD: np.ndarray, count: int) -> float:
        """Return the recall of this index: how many of the true `count` nearest it finds.

        The truth is all dot products in float64; a vector that ties with the last of them is right.
        """
        found = self.nearest(query_QD, count).row_QK
        exact_QN = self._prepared(query_QD).astype(np.float64) @ self._x_ND.T.astype(np.float64)
        last_Q1 = -np.sort(-exact_QN, axis=1)[:, found.shape[1] - 1 : found.shape[1]]
        allowed_Q1 = last_Q1 - TIE * np.abs(exact_QN).max(axis=1, keepdims=True)
        return float(np.mean(np.take_along_axis(exact_QN, found, 1) >= allowed_Q1))

    def _prepared(self, query_QD: np.ndarray) -> np.ndarray:
        if self._likeness == "cosine":
            return _unit(query_QD)
        return np.ascontiguousarray(query_QD, np.float32)


def _unit(x_ND: np.ndarray) -> np.ndarray:
    length_N1 = np.linalg.norm(x_ND, axis=1, keepdims=True)
    unit_ND = x_ND / np.where(length_N1 > 0, length_N1, 1)
    return np.ascontiguousarray(unit_ND, np.float32)
