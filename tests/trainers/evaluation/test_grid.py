"""Queries for the report."""

import numpy as np

from trainers.evaluation.clips import Clip
from trainers.evaluation.grid import choose_queries, make_grid

CLIPS = [Clip(f"k{n}", "v", "test", "s.tar", n, 9, 0.0, 1.0, "", f"out/{n % 2}") for n in range(7)]


def test_chosen_queries_differ_and_are_spread_evenly() -> None:
    right_Q = np.array([0, 0, 1, 2, 1, 3, 3, 4])
    assert choose_queries(right_Q, 5) == choose_queries(right_Q, 50) == [0, 2, 3, 5, 7]
    assert choose_queries(np.arange(100), 4) == [12, 37, 62, 87]
    assert choose_queries(right_Q, 0) == []


def test_hits_fall_in_score_and_the_first_right_rank_is_that_of_recall() -> None:
    query_QD, clip_ND = np.eye(7)[:1], np.zeros((7, 7))
    clip_ND[:, 0] = [0.1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.1]
    right_N = np.arange(7)
    [query] = make_grid(CLIPS, ["a"] * 7, np.repeat(query_QD, 7, 0), clip_ND, right_N, 1)["queries"]
    assert query["first_right"] == 3
    assert [hit["key"] for hit in query["hits"]] == ["k1", "k2", "k3", "k4", "k5"]
    assert [hit["right"] for hit in query["hits"]] == [False, False, True, False, False]
    assert [hit["folder"] for hit in query["hits"][:3]] == ["out/1", "out/0", "out/1"]


def test_a_tied_wrong_clip_stands_before_the_right_one() -> None:
    points = np.ones((7, 2))
    [query] = make_grid(CLIPS, ["a"] * 7, points, points, np.arange(7), 1)["queries"]
    assert query["first_right"] == 7
    assert not any(hit["right"] for hit in query["hits"])
