"""Backdrops: textured, moving, with a bench that every crop shows."""

import numpy as np

from pipeline.demo.backdrop import BENCH_ROW, HEIGHT_PX, WIDTH_PX, Backdrop

TIME_S = np.array([0.0, 1.0])


def _paint(seen: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return Backdrop(rng).paint(TIME_S, seen, rng)


def test_frames_have_the_size_of_the_demo() -> None:
    assert _paint(0).shape == (2, HEIGHT_PX, WIDTH_PX, 3)


def test_the_wall_is_textured_and_moves() -> None:
    wall = _paint(0)[:, :BENCH_ROW]
    assert wall[0].std(axis=(0, 1)).min() > 8
    assert np.abs(wall[1] - wall[0]).mean() > 8


def test_the_cloth_shows_in_the_bench_and_nowhere_else() -> None:
    dark, bright = _paint(0), _paint(1)
    assert np.array_equal(dark[:, :BENCH_ROW], bright[:, :BENCH_ROW])
    assert (bright[:, BENCH_ROW + 1 :] - dark[:, BENCH_ROW + 1 :]).min() > 100


def test_a_crop_of_48_rows_always_shows_some_of_the_bench() -> None:
    assert 48 - BENCH_ROW >= 6
