"""Spatial pyramid: which visual words stand in which part of a picture (Lazebnik et al. 2006).

The kernel is `trainers.kernels.histograms.intersection` of these histograms, whose cells carry
the weights of their levels: one intersection in place of one for each level.

Shape letters in this file:
    F  features of a picture        W  visual words        B  cells of all levels, times words
"""

import numpy as np


def spatial_pyramid(
    word_F: np.ndarray, position_F2: np.ndarray, num_words: int, levels: int
) -> np.ndarray:
    """Return weighted counts of words in the cells of 1, 4, 16, ... parts of a picture, `[B]`.

    Level 0 weighs `1 / 2^levels`, level l `1 / 2^(levels - l + 1)` (equation 3).

    Args:
        word_F: Word of each feature.
        position_F2: Where it is, each coordinate in [0, 1).
        num_words: Size of the vocabulary.
        levels: Finest level; 0 is a bag of words.

    Raises:
        ValueError: A position or a word is outside its range, or `levels` is negative.
    """
    if levels < 0:
        raise ValueError(f"levels must be at least 0, got {levels}")
    if position_F2.size and not (position_F2.min() >= 0 and position_F2.max() < 1):
        raise ValueError("positions must be in [0, 1), got others")
    if word_F.min(initial=0) < 0 or word_F.max(initial=0) >= num_words:
        raise ValueError(f"words must be in 0..{num_words - 1}, got others")
    parts = []
    for level in range(levels + 1):
        cells = 2**level
        row_F, column_F = np.floor(position_F2 * cells).astype(np.int64).T
        at_F = (row_F * cells + column_F) * num_words + word_F
        weight = 1 / 2**levels if level == 0 else 1 / 2 ** (levels - level + 1)
        parts.append(weight * np.bincount(at_F, minlength=cells * cells * num_words))
    return np.concatenate(parts)
