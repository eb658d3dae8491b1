"""Ranks, recall and chance."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import top_k_accuracy_score

from trainers.evaluation.retrieval import (
    Ranking,
    best_ranks,
    chance,
    expected_recalls,
    metrics,
    number_texts,
    rank_items,
)


def test_recall_equals_scikit_learn_where_each_query_has_one_right_item() -> None:
    scores_QN = np.random.default_rng(0).normal(size=(40, 40))
    rank_Q = best_ranks(scores_QN, np.eye(40, dtype=bool))
    for k in (1, 5, 10):
        expected = top_k_accuracy_score(np.arange(40), scores_QN, k=k)
        assert np.mean(rank_Q <= k) == pytest.approx(expected)


@pytest.mark.parametrize("values", [1000, 3])
def test_the_median_rank_is_that_of_ranks_counted_by_scipy(values: int) -> None:
    """With few different scores there are many ties; of those the right item stands last."""
    scores_QN = np.random.default_rng(3).integers(0, values, (50, 50)).astype(float)
    ranking = Ranking(best_ranks(scores_QN, np.eye(50, dtype=bool)), np.ones(50, dtype=int), 50)
    expected_Q = rankdata(-scores_QN, method="max", axis=1).diagonal()
    assert ranking.rank_Q.tolist() == expected_Q.tolist()
    assert metrics(ranking)["medr"] == np.median(expected_Q)


def test_the_best_of_several_right_items_counts() -> None:
    scores_QN = np.array([[9.0, 1.0, 8.0, 7.0]])
    assert best_ranks(scores_QN, np.array([[False, True, True, False]])) == [2]


def test_a_tied_wrong_item_stands_before_the_right_one() -> None:
    assert best_ranks(np.zeros((3, 3)), np.eye(3, dtype=bool)).tolist() == [3, 3, 3]


def test_a_tied_right_item_does_not_push_the_other_back() -> None:
    assert best_ranks(np.zeros((1, 3)), np.array([[True, True, False]])) == [2]


def test_equal_numbers_are_right_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    queries_QD, items_ND = rng.normal(size=(30, 4)), rng.normal(size=(50, 4))
    right_Q, right_N = rng.integers(0, 5, 30), rng.integers(0, 5, 50)
    whole = rank_items(queries_QD, items_ND, right_Q, right_N)
    monkeypatch.setattr("trainers.evaluation.retrieval._QUERIES_AT_A_TIME", 7)
    parts = rank_items(queries_QD, items_ND, right_Q, right_N)
    by_hand = [
        min(
            1 + sum(score > scores[i] for j, score in enumerate(scores) if right_N[j] != r)
            for i in np.flatnonzero(right_N == r)
        )
        for r, scores in zip(right_Q, queries_QD @ items_ND.T, strict=True)
    ]
    assert whole.rank_Q.tolist() == parts.rank_Q.tolist() == by_hand
    assert whole.num_right_Q.tolist() == [int((right_N == r).sum()) for r in right_Q]


def test_metrics_are_shares_and_the_median_rank() -> None:
    ranking = Ranking(np.array([1, 2, 6, 20]), np.ones(4, dtype=int), 30)
    assert metrics(ranking) == {"r1": 0.25, "r5": 0.5, "r10": 0.75, "medr": 4.0}


def test_chance_with_one_right_item_is_k_of_n() -> None:
    ranking = Ranking(np.ones(3, dtype=int), np.ones(3, dtype=int), 150)
    expected = {"r1": 1 / 150, "r5": 5 / 150, "r10": 10 / 150, "medr": 75.0}
    assert chance(ranking) == pytest.approx(expected)


def test_chance_equals_what_random_orders_give() -> None:
    rng = np.random.default_rng(2)
    right_N = rng.integers(0, 12, 40)
    right_QN = right_N[:, None] == right_N[None, :]
    ranks = np.concatenate([best_ranks(rng.random((40, 40)), right_QN) for _ in range(400)])
    ranking = Ranking(ranks, right_QN.sum(axis=1), 40)
    for k in (1, 5, 10):
        assert np.mean(ranks <= k) == pytest.approx(chance(ranking)[f"r{k}"], abs=0.015)
    assert np.median(ranks) == pytest.approx(chance(ranking)["medr"], abs=1)


def test_chance_is_one_when_fewer_items_than_k_are_ranked() -> None:
    ranking = Ranking(np.ones(3, dtype=int), np.ones(3, dtype=int), 3)
    assert chance(ranking)["r5"] == chance(ranking)["r10"] == 1.0
    assert expected_recalls(np.array([3]), 3).tolist() == [1.0, 1.0, 1.0]


def test_scores_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        best_ranks(np.array([[np.nan, 1.0]]), np.array([[True, False]]))


def test_a_query_without_a_right_item_is_refused() -> None:
    with pytest.raises(ValueError, match="right item"):
        best_ranks(np.ones((1, 2)), np.zeros((1, 2), dtype=bool))


def test_equal_texts_share_a_number() -> None:
    texts, number_N = number_texts(["A red cube", "b", "a red cube "])
    assert texts == ["a red cube", "b"]
    assert number_N.tolist() == [0, 1, 0]
