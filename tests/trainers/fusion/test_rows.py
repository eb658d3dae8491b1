"""Examples as rows of numbers."""

import numpy as np
import pytest

from trainers.fusion.rows import RowMaker, draw_rows, known_rows, valid_rows
from trainers.tasks.task import UNLABELLED, Sequences, Split


def split(
    values_NTC: np.ndarray, mask_NT: np.ndarray, labels: np.ndarray, label_mask_NT=None
) -> Split:
    ids = tuple(f"id{i}" for i in range(len(labels)))
    sequences = Sequences(values_NTC.astype(np.float32), mask_NT)
    return Split(ids, {"one": sequences}, labels, label_mask_NT)


def test_an_example_is_the_mean_of_the_positions_that_it_has() -> None:
    values_NTC = np.array([[[1.0], [3.0]], [[5.0], [99.0]], [[0.0], [7.0]]])
    mask_NT = np.array([[True, True], [True, False], [True, True]])
    train = split(values_NTC, mask_NT, np.zeros(3, np.int64))
    rows_RF = RowMaker.of(train)(train)["one"]
    mean_N = np.array([2.0, 5.0, 3.5])
    assert rows_RF[:, 0] == pytest.approx((mean_N - mean_N.mean()) / mean_N.std())


def test_positions_that_all_have_lie_side_by_side_and_one_that_is_lost_is_at_the_mean() -> None:
    values_NTC = np.random.default_rng(0).normal(size=(6, 2, 3))
    train = split(values_NTC, np.ones((6, 2), bool), np.zeros(6, np.int64))
    maker = RowMaker.of(train)
    flat_RF = values_NTC.reshape(6, 6).astype(np.float32)
    expected = (flat_RF - flat_RF.mean(axis=0)) / flat_RF.std(axis=0)
    assert maker(train)["one"] == pytest.approx(expected, abs=1e-5)
    lost = split(values_NTC, np.array([[True, False]] * 6), np.zeros(6, np.int64))
    assert not maker(lost)["one"][:, 3:].any()
    assert np.array_equal(maker(lost)["one"][:, :3], maker(train)["one"][:, :3])


def test_where_positions_have_labels_a_row_is_a_position() -> None:
    values_NTC = np.arange(8.0).reshape(2, 4, 1)
    mask_NT = np.array([[True] * 4, [True, True, False, False]])
    labels_NT = np.array([[0, 1, UNLABELLED, 1], [1, 0, 0, 0]])
    train = split(values_NTC, mask_NT, labels_NT, mask_NT)
    rows_RF = RowMaker.of(train)(train)["one"]
    valid = values_NTC[mask_NT]
    assert rows_RF[:6] == pytest.approx((valid - valid.mean()) / valid.std(), abs=1e-6)
    assert not rows_RF[6:].any()
    assert known_rows(train).tolist() == [0, 1, 3, 4, 5]
    assert valid_rows(train).tolist() == [0, 1, 2, 3, 4, 5]


def test_statistics_are_those_of_the_train_split_and_a_constant_column_says_nothing() -> None:
    train = split(np.array([[[0.0, 5.0]], [[2.0, 5.0]]]), np.ones((2, 1), bool), np.zeros(2))
    other = split(np.array([[[11.0, 9.0]]]), np.ones((1, 1), bool), np.zeros(1))
    assert RowMaker.of(train)(other)["one"].tolist() == [[10.0, 0.0]]


def test_scores_may_be_any_number_and_unknown_ones_are_not_taught() -> None:
    some = split(np.zeros((3, 1, 1)), np.ones((3, 1), bool), np.array([-1.0, np.nan, 2.0]))
    assert known_rows(some).tolist() == [0, 2]


def test_rows_are_drawn_by_name_in_order_and_by_seed() -> None:
    some = split(np.zeros((40, 1, 1)), np.ones((40, 1), bool), np.zeros(40, np.int64))
    rows = np.arange(40)
    first, again, other = (draw_rows(some, rows, 10, seed) for seed in (0, 0, 1))
    assert len(first) == 10
    assert (np.diff(first) > 0).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    backwards = Split(some.ids[::-1], some.modalities, some.labels)
    assert {backwards.ids[row] for row in draw_rows(backwards, rows, 10, 0)} == {
        some.ids[row] for row in first
    }
    assert draw_rows(some, rows, 40, 0) is rows


def test_other_positions_than_in_training_are_refused() -> None:
    train = split(
        np.random.default_rng(0).normal(size=(4, 2, 1)), np.ones((4, 2), bool), np.zeros(4)
    )
    longer = split(np.zeros((1, 3, 1)), np.ones((1, 3), bool), np.zeros(1))
    with pytest.raises(ValueError, match="rows of one must be 1 of 2 numbers"):
        RowMaker.of(train)(longer)
