"""The nearest vectors, held against all scores."""

import numpy as np
import pytest

from trainers.embedding.index import Index

RANDOM = np.random.default_rng(4)
POINTS_ND = RANDOM.normal(size=(300, 24)).astype(np.float32) * RANDOM.uniform(0.1, 9, (300, 1))
QUERIES_QD = RANDOM.normal(size=(7, 24)).astype(np.float32)


@pytest.mark.parametrize("likeness", ["dot", "cosine"])
def test_the_nearest_are_those_of_all_scores_in_order(likeness: str) -> None:
    found = Index(POINTS_ND, likeness).nearest(QUERIES_QD, 10)
    points, queries = POINTS_ND.astype(np.float64), QUERIES_QD.astype(np.float64)
    if likeness == "cosine":
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    scores_QN = queries @ points.T
    expected = np.argsort(-scores_QN, axis=1)[:, :10]
    assert np.array_equal(found.row_QK, expected)
    assert found.score_QK == pytest.approx(np.take_along_axis(scores_QN, expected, 1), rel=1e-5)


def test_small_differences_of_large_scores_are_kept() -> None:
    close = np.array([[1000.0, 0.0], [1000.0, 0.25], [1000.0, 0.5]], np.float32)
    found = Index(close, "dot").nearest(np.array([[1000.0, 1.0]], np.float32), 3)
    assert found.row_QK.tolist() == [[2, 1, 0]]


def test_recall_counts_what_is_missed_and_ties_as_right() -> None:
    index = Index(POINTS_ND, "dot")
    assert index.agreement(QUERIES_QD, 10) == 1.0
    assert Index(np.ones((5, 2), np.float32), "dot").agreement(np.ones((1, 2)), 3) == 1.0
    broken = Index(POINTS_ND, "dot")
    right = index.nearest(QUERIES_QD, 10)
    wrong = right.row_QK.copy()
    wrong[:, 0] = np.argmin(QUERIES_QD @ POINTS_ND.T, axis=1)
    broken.nearest = lambda query, count: right._replace(row_QK=wrong)
    assert broken.agreement(QUERIES_QD, 10) == pytest.approx(0.9)


def test_fewer_vectors_than_asked_for_and_none_are_served() -> None:
    assert Index(POINTS_ND[:2], "dot").nearest(QUERIES_QD[:1], 10).row_QK.shape == (1, 2)
    assert Index(POINTS_ND[:0], "dot").nearest(QUERIES_QD[:1], 10).row_QK.shape == (1, 0)
    zeros = Index(np.zeros((2, 24), np.float32), "cosine").nearest(QUERIES_QD[:1], 2)
    assert zeros.score_QK.tolist() == [[0.0, 0.0]]
