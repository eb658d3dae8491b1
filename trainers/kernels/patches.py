"""Visual words of small grey pictures: histograms of gradients of patches, grouped by k-means.

Shape letters in this file:
    N  pictures        H, W  height and width        F  patches of a picture
    G  width of a descriptor (cells of a patch times directions)        K  words
"""

from dataclasses import dataclass

import numpy as np

SIDE = 8
"""Pixels of a patch's side."""

STRIDE = 3
"""Pixels between patches."""

DIRECTIONS = 8
_CELL = SIDE // 2


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The centres of the words."""

    centre_KG: np.ndarray

    def words(self, descriptor_NFG: np.ndarray) -> np.ndarray:
        """Return the nearest word of each patch, int64 `[N, F]`; of equally near the first."""
        flat_PG = descriptor_NFG.reshape(-1, descriptor_NFG.shape[-1])
        # The patch's own length does not change which centre is nearest.
        apart_PK = (self.centre_KG**2).sum(axis=1) - 2 * flat_PG @ self.centre_KG.T
        return apart_PK.argmin(axis=1).reshape(descriptor_NFG.shape[:2])


def learn_vocabulary(descriptor_NFG: np.ndarray, num_words: int, seed: int) -> Vocabulary:
    """Group training patches into words by k-means. The same seed gives the same words."""
    from sklearn.cluster import KMeans

    flat_PG = descriptor_NFG.reshape(-1, descriptor_NFG.shape[-1])
    groups = KMeans(num_words, n_init=1, random_state=seed).fit(flat_PG)
    return Vocabulary(groups.cluster_centers_)


def patch_positions(height: int, width: int) -> np.ndarray:
    """Return the patches' centres as shares of the picture, `[F, 2]`, row by row.

    Raises:
        ValueError: The picture is smaller than a patch.
    """
    if min(height, width) < SIDE:
        raise ValueError(f"a picture must be at least {SIDE} pixels wide, got {height}x{width}")
    rows, columns = np.meshgrid(_begins(height), _begins(width), indexing="ij")
    centre_F2 = np.stack((rows.ravel(), columns.ravel()), axis=1) + SIDE / 2
    return centre_F2 / (height, width)


def describe(picture_NHW: np.ndarray) -> np.ndarray:
    """Return descriptors of all patches, float64 `[N, F, G]`, each of length one or nothing.

    A patch has 2 x 2 cells; in each, the gradients' sizes are summed by direction (eight parts
    of the circle, shared between the two nearest), as SIFT does (Lowe 2004, section 6.1).
    """
    num, height, width = picture_NHW.shape
    by_direction_NHWD = _gradients(picture_NHW.astype(np.float64))
    sums_NHWD = np.zeros((num, height + 1, width + 1, DIRECTIONS))
    sums_NHWD[:, 1:, 1:] = by_direction_NHWD.cumsum(axis=1).cumsum(axis=2)
    cells = []
    for top in (0, _CELL):
        for left in (0, _CELL):
            rows = _begins(height)[:, None] + top
            columns = _begins(width)[None, :] + left
            cells.append(
                sums_NHWD[:, rows + _CELL, columns + _CELL]
                - sums_NHWD[:, rows, columns + _CELL]
                - sums_NHWD[:, rows + _CELL, columns]
                + sums_NHWD[:, rows, columns]
            )
    descriptor_NFG = np.concatenate(cells, axis=-1).reshape(num, -1, 4 * DIRECTIONS)
    descriptor_NFG = np.maximum(descriptor_NFG, 0.0)
    length_NF1 = np.linalg.norm(descriptor_NFG, axis=-1, keepdims=True)
    # Differences of running sums leave dust where a patch is blank.
    blank_NF1 = length_NF1 <= 1e-9 * max(1.0, float(np.abs(picture_NHW).max(initial=0)))
    return np.where(blank_NF1, 0.0, descriptor_NFG / np.where(blank_NF1, 1.0, length_NF1))


def _begins(pixels: int) -> np.ndarray:
    return np.arange(0, pixels - SIDE + 1, STRIDE)


def _gradients(picture_NHW: np.ndarray) -> np.ndarray:
    down_NHW, right_NHW = np.gradient(picture_NHW, axis=(1, 2))
    size_NHW = np.hypot(down_NHW, right_NHW)
    turn_NHW = np.arctan2(down_NHW, right_NHW) / (2 * np.pi) * DIRECTIONS % DIRECTIONS
    low_NHW = np.floor(turn_NHW).astype(np.int64) % DIRECTIONS
    share_NHW = turn_NHW - np.floor(turn_NHW)
    direction = np.arange(DIRECTIONS)
    below = (low_NHW[..., None] == direction) * (size_NHW * (1 - share_NHW))[..., None]
    above = ((low_NHW[..., None] + 1) % DIRECTIONS == direction) * (size_NHW * share_NHW)[..., None]
    return below + above
