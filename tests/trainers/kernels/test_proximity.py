"""Proximity distributions: which words stand near which."""

import numpy as np
import pytest

from trainers.kernels.gram import check_psd
from trainers.kernels.histograms import intersection
from trainers.kernels.proximity import nearest_features, proximity_distribution

LINE = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])


def test_a_feature_is_no_neighbour_of_itself_and_of_equals_the_first_comes_first() -> None:
    assert nearest_features(LINE, 2).tolist() == [[1, 2], [0, 2], [1, 0]]
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert nearest_features(square, 2).tolist() == [[1, 2], [0, 3], [0, 3], [1, 2]]


def test_counts_are_of_pairs_among_the_nearest_and_grow_with_r() -> None:
    word_F = np.array([0, 1, 1])
    counts = proximity_distribution(word_F, nearest_features(LINE, 2), 2).reshape(2, 2, 2)
    expected = np.zeros((2, 2, 2))
    for r in range(2):
        for f, nearest in enumerate(nearest_features(LINE, 2)):
            for g in nearest[: r + 1]:
                expected[word_F[f], word_F[g], r] += 1
    assert np.array_equal(counts, expected)


def test_it_knows_who_stands_beside_whom_where_a_bag_of_words_does_not() -> None:
    near = nearest_features(np.arange(6)[:, None] * [0.0, 1.0], 1)
    mixed, apart = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 0, 1, 1, 1])
    histograms = np.stack([proximity_distribution(word_F, near, 2) for word_F in (mixed, apart)])
    gram_NN = intersection(histograms, histograms)
    assert gram_NN[0, 1] < gram_NN[0, 0] / 2


def test_r5_its_gram_matrix_satisfies_mercers_condition() -> None:
    rng = np.random.default_rng(0)
    near = nearest_features(rng.uniform(size=(30, 2)), 4)
    words = rng.integers(0, 5, size=(25, 30))
    histograms = np.stack([proximity_distribution(word_F, near, 5) for word_F in words])
    check_psd(intersection(histograms, histograms))


def test_neighbours_that_are_not_there_and_words_without_a_place_are_refused() -> None:
    with pytest.raises(ValueError, match="nearest must be"):
        nearest_features(LINE, 3)
    with pytest.raises(ValueError, match="words must be"):
        proximity_distribution(np.array([0, 1, 2]), nearest_features(LINE, 1), 2)
