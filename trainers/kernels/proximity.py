"""Proximity distributions: which visual words stand near which (Ling and Soatto 2007).

Two pictures are alike where the same pairs of words are neighbours, wherever in the picture
that is. The kernel is `trainers.kernels.histograms.intersection` of these histograms.

Shape letters in this file:
    F  features of a picture        R  neighbours of a feature, the nearest first
    W  visual words
"""

import numpy as np
from scipy.spatial.distance import cdist


def nearest_features(position_F2: np.ndarray, nearest: int) -> np.ndarray:
    """Return the numbers of each feature's nearest others, `[F, R]`; of equally near the first.

    Raises:
        ValueError: There are not `nearest` other features.
    """
    if not 1 <= nearest < len(position_F2):
        raise ValueError(
            f"nearest must be at least 1 and less than the {len(position_F2)} features, "
            f"got {nearest}"
        )
    apart_FF = cdist(position_F2, position_F2, "sqeuclidean")
    np.fill_diagonal(apart_FF, np.inf)
    return np.argsort(apart_FF, axis=1, kind="stable")[:, :nearest]


def proximity_distribution(
    word_F: np.ndarray, nearest_FR: np.ndarray, num_words: int
) -> np.ndarray:
    """Return for each pair of words and r how often the second is among the first's r nearest.

    Counts grow with r, so a pair of neighbours counts in each r from its own on. Of shape
    `[W * W * R]`, to be intersected.

    Args:
        word_F: Word of each feature.
        nearest_FR: From `nearest_features`; pictures on one grid share it.
        num_words: Size of the vocabulary.

    Raises:
        ValueError: A word is not in the vocabulary.
    """
    if word_F.min(initial=0) < 0 or word_F.max(initial=0) >= num_words:
        raise ValueError(f"words must be in 0..{num_words - 1}, got others")
    num_nearest = nearest_FR.shape[1]
    pair_FR = (word_F[:, None] * num_words + word_F[nearest_FR]) * num_nearest
    at_FR = pair_FR + np.arange(num_nearest)
    count_B = np.bincount(at_FR.ravel(), minlength=num_words**2 * num_nearest)
    return count_B.reshape(-1, num_nearest).cumsum(axis=1).ravel()
