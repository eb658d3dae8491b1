"""Shapes: solid where they should be, different from each other."""

from itertools import combinations

import numpy as np
import pytest

from pipeline.demo.lexicon import SHAPES
from pipeline.demo.shapes import signed_distance

GRID = np.linspace(-1.5, 1.5, 61)


def _inside(shape: str) -> np.ndarray:
    return signed_distance(shape, GRID[None, :], GRID[:, None]) < 0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_radius_and_nothing_far_beyond(shape: str) -> None:
    inside = _inside(shape)
    assert 0.1 < inside.mean() < 0.4
    assert not inside[[0, -1]].any()
    assert not inside[:, [0, -1]].any()


def test_only_the_hoop_is_open_in_its_middle() -> None:
    assert [shape for shape in SHAPES if not _inside(shape)[30, 30]] == ["hoop"]


def test_no_two_shapes_cover_the_same_area() -> None:
    for one, other in combinations(SHAPES, 2):
        a, b = _inside(one), _inside(other)
        assert (a & b).sum() / (a | b).sum() < 0.85, (one, other)


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'blob'"):
        signed_distance("blob", GRID, GRID)
