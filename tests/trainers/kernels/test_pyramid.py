"""Pyramid match of sets of points."""

import numpy as np
import pytest

from trainers.kernels.gram import check_psd
from trainers.kernels.pyramid import pyramid_match


def by_the_paper(first: np.ndarray, second: np.ndarray, levels: int) -> float:
    """New matches of each level, one at a time, and the sets' own kernels."""

    def cells(points: np.ndarray, side: float) -> list[tuple[int, ...]]:
        return [tuple(np.floor(point / side).astype(int)) for point in points]

    def kernel(one: np.ndarray, other: np.ndarray) -> float:
        total, before = 0.0, 0
        for level in range(levels + 1):
            ours, theirs = cells(one, 2**level), cells(other, 2**level)
            matched = sum(min(ours.count(c), theirs.count(c)) for c in set(ours))
            total += (matched - before) / 2**level
            before = matched
        return total

    return kernel(first, second) / np.sqrt(kernel(first, first) * kernel(second, second))


def test_it_is_the_sum_over_levels_of_new_matches() -> None:
    rng = np.random.default_rng(0)
    sets = [rng.uniform(-10, 30, size=(size, 2)) for size in (3, 8, 5, 1)]
    expected = [[by_the_paper(one, other, 4) for other in sets] for one in sets]
    assert pyramid_match(sets, sets, levels=4) == pytest.approx(np.array(expected), abs=1e-12)


def test_a_match_found_at_a_coarser_level_counts_less() -> None:
    at = np.array([[0.5]])
    near, far, farther = (np.array([[x]]) for x in (0.7, 1.2, 3.2))
    gram = pyramid_match([at], [near, far, farther], levels=3)
    assert gram.tolist() == [[1.0, 0.5, 0.25]]
    assert pyramid_match([at * 3], [far * 3], levels=3, side=3.0).item() == pytest.approx(0.5)


def test_r5_its_gram_matrix_satisfies_mercers_condition() -> None:
    rng = np.random.default_rng(1)
    sets = [rng.uniform(0, 16, size=(rng.integers(1, 12), 3)) for _ in range(25)]
    gram_NN = pyramid_match(sets, sets, levels=4)
    check_psd(gram_NN)
    assert gram_NN.diagonal() == pytest.approx(np.ones(25))


def test_an_empty_set_matches_nothing() -> None:
    gram = pyramid_match([np.empty((0, 2))], [np.zeros((2, 2))], levels=1)
    assert gram.item() == 0.0


def test_settings_and_sets_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        pyramid_match([np.zeros((1, 2))], [np.zeros((1, 2))], levels=-1)
    with pytest.raises(ValueError, match="one width"):
        pyramid_match([np.zeros((1, 2))], [np.zeros((1, 3))], levels=1)
