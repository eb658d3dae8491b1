"""Tests of trainers/fusion/sequences/inputs.py."""

import dataclasses

import numpy as np
import pytest
import torch

from trainers.fusion.sequences.inputs import inputs_of, known, labels_of
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task


def ramp(lengths: list[int], size: int) -> Sequences:
    mask = np.arange(size) < np.array(lengths)[:, None]
    return Sequences(
        np.where(mask, np.arange(1.0, size + 1), 99).astype(np.float32)[..., None], mask
    )


def split(labels: np.ndarray | None = None, mask: np.ndarray | None = None) -> Split:
    modalities = {"slow": ramp([2, 1, 0], 2), "fast": ramp([4, 2, 3], 4), "one": ramp([1, 1, 1], 1)}
    return Split(
        ("a", "b", "c"), modalities, np.zeros(3, np.int64) if labels is None else labels, mask
    )


def test_all_modalities_are_read_at_the_positions_of_the_longest() -> None:
    inputs = inputs_of(split(), ("slow", "fast", "one"))
    assert inputs.mask_BT.sum(dim=1).tolist() == [4, 2, 3]
    assert inputs.values["fast"][..., 0].tolist() == [[1, 2, 3, 4], [1, 2, 0, 0], [1, 2, 3, 0]]
    assert inputs.values["slow"][..., 0].tolist() == [[1, 1, 2, 2], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert inputs.values["one"][..., 0].tolist() == [[1] * 4, [1, 1, 0, 0], [1, 1, 1, 0]]


def test_the_time_base_does_not_depend_on_what_is_read() -> None:
    assert torch.equal(
        inputs_of(split(), ("slow",)).mask_BT, inputs_of(split(), ("slow", "fast", "one")).mask_BT
    )


def test_some_examples_are_cut_at_the_longest_of_them() -> None:
    chosen = inputs_of(split(), ("fast",)).rows(torch.tensor([2, 1]))
    assert chosen.values["fast"][..., 0].tolist() == [[1, 2, 3], [1, 2, 0]]


def test_labels_that_are_not_known_say_so(positions: Task) -> None:
    train = positions.splits["train"]
    labels = labels_of(train)
    assert train.label_mask_NT is not None
    expected = train.label_mask_NT & (train.labels != UNLABELLED)
    assert np.array_equal(known(labels).numpy(), expected)
    scores = dataclasses.replace(train, labels=train.labels.astype(np.float32))
    assert np.array_equal(known(labels_of(scores)).numpy(), train.label_mask_NT)


def test_what_is_no_modality_and_labels_of_another_time_base_are_refused() -> None:
    with pytest.raises(ValueError, match=r"some of \['fast', 'one', 'slow'\], got \['smell'\]"):
        inputs_of(split(), ("smell",))
    mask = np.ones((3, 2), dtype=bool)
    with pytest.raises(ValueError, match="positions, 4, got 2"):
        inputs_of(split(np.zeros((3, 2), np.int64), mask), ("slow",))
