"""R24: all subsets of modalities, and what stands in for those that are missing."""

import numpy as np
import pytest

from trainers.comparison.channels import Channels
from trainers.comparison.dropout import with_dropped
from trainers.comparison.missing import STAND_INS, subsets, without
from trainers.tasks.task import Sequences, Split, Task


def test_there_are_all_subsets_but_the_empty_one() -> None:
    found = subsets(["a", "b", "c"])
    assert found[0] == ("a", "b", "c")
    assert len(found) == len(set(found)) == 7
    assert len(subsets(list("abcdef"))) == 63


@pytest.mark.parametrize("kind", STAND_INS)
def test_what_is_missing_is_replaced_and_the_rest_is_the_very_data(made: Task, kind) -> None:
    test = made.splits["test"]
    after = without(test, ["left"], kind, made.splits["train"])
    assert after.modalities["left"] is test.modalities["left"]
    right, before = after.modalities["right"], test.modalities["right"]
    assert not np.array_equal(right.values_NTC[before.mask_NT], before.values_NTC[before.mask_NT])
    assert np.array_equal(right.mask_NT, before.mask_NT)


@pytest.mark.parametrize("kind", STAND_INS)
def test_what_stands_in_knows_nothing_of_what_is_missing(made: Task, kind) -> None:
    test = made.splits["test"]
    gone = test.modalities["right"]
    other = Sequences(gone.values_NTC * -3 + 7, gone.mask_NT)
    changed = Split(test.ids, {**test.modalities, "right": other}, test.labels)
    valid = gone.mask_NT
    one, two = (
        without(s, ["left"], kind, made.splits["train"]).modalities["right"].values_NTC[valid]
        for s in (test, changed)
    )
    assert np.array_equal(one, two)


def test_all_present_is_the_very_split(made: Task) -> None:
    test = made.splits["test"]
    assert without(test, ["left", "right"], "zero", made.splits["train"]) is test


def test_means_are_those_of_the_train_split(made: Task) -> None:
    after = without(made.splits["test"], ["right"], "mean", made.splits["train"])
    expected = Channels.of(made.splits["train"].modalities["left"]).mean_C
    assert after.modalities["left"].values_NTC[17, 0] == pytest.approx(expected, abs=1e-6)


def test_the_learned_stand_in_finds_what_the_present_ones_tell() -> None:
    def split(seed: int, count: int) -> Split:
        rng = np.random.default_rng(seed)
        mask = np.ones((count, 2), bool)
        one = rng.normal(size=(count, 2, 3)).astype(np.float32)
        two = (one @ np.array([[1.0, 0], [0, 2], [1, 1]]) + 5).astype(np.float32)
        return Split(
            tuple(map(str, range(count))),
            {"one": Sequences(one, mask), "two": Sequences(two, mask)},
            np.zeros(count, np.int64),
        )

    train, test = split(0, 400), split(1, 50)
    after = without(test, ["one"], "learned", train).modalities["two"].values_NTC
    error = np.mean((after - test.modalities["two"].values_NTC) ** 2)
    assert error < 0.05 * test.modalities["two"].values_NTC.var()


@pytest.mark.parametrize("present", [[], ["left", "smell"]])
def test_a_subset_that_is_none_is_refused(made: Task, present: list[str]) -> None:
    with pytest.raises(ValueError, match="present must name"):
        without(made.splits["test"], present, "zero", made.splits["train"])


def test_dropout_keeps_whole_examples_and_adds_ones_with_something_missing(made: Task) -> None:
    train, doubled = made.splits["train"], with_dropped(made, seed=0).splits["train"]
    assert len(doubled.ids) == len(set(doubled.ids)) == 480
    changed = np.stack(
        [
            (doubled.modalities[n].values_NTC[240:] != train.modalities[n].values_NTC).any((1, 2))
            for n in ("left", "right")
        ]
    )
    assert (changed.sum(axis=0) == 1).all()  # one of two is missing, never both
    assert 0.35 < changed[0].mean() < 0.65
    assert np.array_equal(
        doubled.modalities["left"].values_NTC[:240], train.modalities["left"].values_NTC
    )
    assert np.array_equal(doubled.labels, np.tile(train.labels, 2))
    assert with_dropped(made, seed=0).splits["test"] is made.splits["test"]


def test_a_task_of_one_modality_has_none_to_drop(made: Task) -> None:
    train = made.splits["train"]
    alone = Split(train.ids, {"left": train.modalities["left"]}, train.labels)
    with pytest.raises(ValueError, match="two modalities"):
        with_dropped(Task("alone", made.classes, {"train": alone, "val": alone}), seed=0)
