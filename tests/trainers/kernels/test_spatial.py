"""Spatial pyramids of visual words."""

import numpy as np
import pytest

from trainers.kernels.gram import check_psd
from trainers.kernels.histograms import intersection
from trainers.kernels.spatial import spatial_pyramid

RNG = np.random.default_rng(0)


def picture(num: int = 40) -> tuple[np.ndarray, np.ndarray]:
    return RNG.integers(0, 6, num), RNG.uniform(size=(num, 2))


def test_one_intersection_is_the_papers_sum_over_levels() -> None:
    (word_a, at_a), (word_b, at_b) = picture(), picture()
    levels = 2

    def matched(level: int) -> float:
        side = 2**level

        def counts(word_F: np.ndarray, at_F2: np.ndarray) -> np.ndarray:
            count = np.zeros((6, side, side))
            for word, (row, column) in zip(word_F, at_F2, strict=True):
                count[word, int(row * side), int(column * side)] += 1
            return count

        return np.minimum(counts(word_a, at_a), counts(word_b, at_b)).sum()

    expected = matched(0) / 2**levels
    expected += sum(matched(level) / 2 ** (levels - level + 1) for level in (1, 2))
    rows = [spatial_pyramid(w, at, 6, levels)[None] for w, at in ((word_a, at_a), (word_b, at_b))]
    assert intersection(*rows).item() == pytest.approx(expected)


def test_level_nought_is_a_bag_of_words() -> None:
    word_F, at_F2 = picture()
    assert np.array_equal(spatial_pyramid(word_F, at_F2, 6, 0), np.bincount(word_F, minlength=6))


def test_r5_its_gram_matrix_satisfies_mercers_condition() -> None:
    rows = np.stack([spatial_pyramid(*picture(), 6, 2) for _ in range(25)])
    check_psd(intersection(rows, rows))


@pytest.mark.parametrize(
    ("word", "at", "levels"), [(0, 1.0, 1), (6, 0.5, 1), (0, -0.1, 1), (0, 0.5, -1)]
)
def test_what_is_out_of_range_is_refused(word: int, at: float, levels: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        spatial_pyramid(np.array([word]), np.array([[at, 0.5]]), 6, levels)
