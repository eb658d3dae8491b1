"""Tests of trainers/words/counts.py."""

import itertools

import pytest

from trainers.words.counts import UNIT, Counts, as_pairs, merge


def counted(*rows: tuple[str, str, str, float]) -> Counts:
    counts = Counts()
    for row in rows:
        counts.add(*row)
    return counts


def test_a_pair_has_no_order() -> None:
    counts = counted(("seen", "cup", "red", 2), ("seen", "red", "cup", 1), ("seen", "a", "a", 1))
    assert counts.weight("seen", "red", "cup") == counts.weight("seen", "cup", "red") == 3
    assert len(counts.kinds["seen"]) == 2


def test_parts_merge_to_the_same_in_any_order_also_where_weights_are_shares() -> None:
    parts = [counted(("seen", "a", "b", w), ("said", "c", "b", w)) for w in (0.1, 0.2, 0.7)]
    sums = [merge(order).kinds for order in itertools.permutations(parts)]
    assert all(one == sums[0] for one in sums)
    assert merge([merge(parts[:2]), parts[2]]).kinds == sums[0]
    assert sums[0]["seen"]["a", "b"] == sum(round(w * UNIT) for w in (0.1, 0.2, 0.7))


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be finite"):
        Counts().add("seen", "a", "b", weight)


def test_negatives_are_the_pairs_of_the_other_kinds() -> None:
    counts = counted(("x", "b", "a", 2), ("x", "c", "c", 1), ("y", "a", "b", 1), ("y", "b", "c", 4))
    pairs = as_pairs(counts, ["c", "b", "a"])
    x, y = pairs["x"], pairs["y"]
    assert list(zip(x.first_P, x.second_P, x.count_P, strict=True)) == [(0, 0, 1), (1, 2, 2)]
    assert list(zip(x.absent_first_P, x.absent_second_P, strict=True)) == [(0, 1)]
    assert list(zip(y.first_P, y.second_P, y.count_P, strict=True)) == [(0, 1, 4), (1, 2, 1)]
    assert list(zip(y.absent_first_P, y.absent_second_P, strict=True)) == [(0, 0)]


def test_a_vocabulary_holds_each_counted_word_once() -> None:
    counts = counted(("x", "a", "b", 1))
    with pytest.raises(ValueError, match=r"got none of \['b'\]"):
        as_pairs(counts, ["a"])
    with pytest.raises(ValueError, match="got one twice"):
        as_pairs(counts, ["a", "b", "b"])
