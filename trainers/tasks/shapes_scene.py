"""Scenes of SHAPES: what stands in the nine cells of a picture, read off its pixels.

Andreas et al., "Neural Module Networks", CVPR 2016: a picture is three by three cells, and a cell
is empty or holds one shape of one colour, of any size and a little off its middle.

Shape letters in this file:
    N  pictures    P  pixels of a cell's side    G  cells of a picture, nine, by rows    K  channels
"""

import numpy as np

SHAPES = ("circle", "square", "triangle")
COLOURS = ("blue", "green", "red")
"""In the order of the channels of a picture, which are BGR."""
SIDE = 3
"""Cells of a row, and of a column."""
EMPTY = -1

_DARK = 40
"""Less than this in all channels is background; edges are smoothed."""
_SEPARABLE = 0.08
"""Second singular value of a square's light over the first, at most: blurred or not, a square is
a column times a row. A circle has 0.12 and more."""
_LEANING = 0.05
"""Share of its light that a triangle has more in its lower half than in its upper one."""


def read_scenes(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shapes and colours `[N, G]`, numbers in `SHAPES` and `COLOURS`, or `EMPTY`.

    Args:
        pictures: uint8 `[N, 3P, 3P, 3]`, BGR.

    Raises:
        ValueError: If pictures are something else.
    """
    side = pictures.shape[1] if pictures.ndim == 4 else 0
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (side, side, 3) or side % SIDE:
        raise ValueError(
            f"pictures must be uint8 [N, side, side, 3] with a side of {SIDE} equal cells, "
            f"got {pictures.dtype} {list(pictures.shape)}"
        )
    edge = side // SIDE
    rows = pictures.reshape(-1, SIDE, edge, SIDE, edge, 3).transpose(0, 1, 3, 2, 4, 5)
    cells_NGPPK = rows.reshape(len(pictures), SIDE * SIDE, edge, edge, 3)
    light_NGPP = cells_NGPPK.max(axis=4)
    empty_NG = light_NGPP.max(axis=(2, 3)) < _DARK
    colours_NG = cells_NGPPK.astype(np.int64).sum(axis=(2, 3)).argmax(axis=2)
    shapes_NG = np.full(empty_NG.shape, EMPTY)
    for at in np.argwhere(~empty_NG):
        shapes_NG[tuple(at)] = _shape(light_NGPP[tuple(at)])
    return shapes_NG, np.where(empty_NG, EMPTY, colours_NG)


def _shape(light_PP: np.ndarray) -> int:
    """Name a smoothed silhouette: a square is a column times a row, a triangle heavier below."""
    light_PP = light_PP.astype(np.float64)
    singular = np.linalg.svd(light_PP, compute_uv=False)
    if singular[1] <= _SEPARABLE * singular[0]:
        return SHAPES.index("square")
    rows = np.flatnonzero((light_PP >= _DARK).any(axis=1))
    box = light_PP[rows[0] : rows[-1] + 1]
    half = len(box) // 2
    leaning = (box[len(box) - half :].sum() - box[:half].sum()) / box.sum()
    return SHAPES.index("triangle" if leaning > _LEANING else "circle")
