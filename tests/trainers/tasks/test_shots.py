"""Few labels of each class."""

import numpy as np
import pytest

from trainers.tasks.shots import take, with_shots
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task


def _split(labels: np.ndarray, mask: np.ndarray | None = None) -> Split:
    count = len(labels)
    values = np.arange(count, dtype=np.float32)[:, None, None] * np.ones((1, 3, 2), np.float32)
    return Split(
        tuple(f"clip{row}" for row in range(count)),
        {"video": Sequences(values, np.ones((count, 3), bool))},
        labels,
        mask,
    )


def _task(labels: np.ndarray, classes: tuple[str, ...], mask: np.ndarray | None = None) -> Task:
    whole = _split(labels, mask)
    return Task("made", classes, {"train": whole, "val": whole, "test": whole})


LABELS = np.random.default_rng(0).integers(3, size=60)


@pytest.mark.parametrize("shots", [1, 4])
def test_each_class_keeps_so_many_labels_and_the_test_split_all(shots: int) -> None:
    few = with_shots(_task(LABELS, ("a", "b", "c")), shots, seed=0)
    for name in ("train", "val"):
        assert np.bincount(few.splits[name].labels).tolist() == [shots] * 3
    assert len(few.splits["test"].ids) == 60
    assert few.name == f"made-{shots}shot"


def test_more_shots_keep_what_fewer_keep_and_other_seeds_draw_others() -> None:
    task = _task(LABELS, ("a", "b", "c"))
    ids = {shots: set(with_shots(task, shots, 0).splits["train"].ids) for shots in (1, 4, 16)}
    assert ids[1] < ids[4] < ids[16]
    assert ids[4] != set(with_shots(task, 4, 1).splits["train"].ids)


def test_the_draw_does_not_depend_on_the_order() -> None:
    whole = _split(LABELS)
    turned = take(whole, np.arange(60)[::-1])
    one, other = (
        with_shots(Task("made", ("a", "b", "c"), {"train": s, "val": s, "test": s}), 4, 0)
        for s in (whole, turned)
    )
    assert set(one.splits["train"].ids) == set(other.splits["train"].ids)


def test_a_class_with_fewer_examples_keeps_them_all_and_unlabelled_ones_are_no_class() -> None:
    labels = np.array([0, 0, 0, 1, UNLABELLED, UNLABELLED])
    few = with_shots(_task(labels, ("a", "b")), 2, seed=0).splits["train"]
    assert sorted(few.labels.tolist()) == [0, 0, 1]


def test_of_sequences_labels_are_masked_and_positions_stay() -> None:
    labels = np.random.default_rng(1).integers(2, size=(20, 3))
    mask = np.arange(3) < np.random.default_rng(2).integers(1, 4, size=(20, 1))
    few = with_shots(_task(labels, ("a", "b"), mask), 4, seed=0).splits["train"]
    assert few.label_mask_NT is not None
    assert np.bincount(few.labels[few.label_mask_NT]).tolist() == [4, 4]
    assert few.label_mask_NT.any(axis=1).all()
    assert few.modalities["video"].mask_NT.all()


def test_scores_are_drawn_from_both_sides_of_the_median() -> None:
    scores = np.arange(40, dtype=np.float32)
    few = with_shots(_task(scores, ()), 4, seed=0).splits["train"]
    assert (few.labels > 19.5).sum() == 4 and len(few.labels) == 8


def test_no_shots_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        with_shots(_task(LABELS, ("a", "b", "c")), 0, seed=0)
