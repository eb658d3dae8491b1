"""Tests of trainers/fusion/networks.py, and of the loop that trains them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from configs.networks import NetworksConfig
from trainers.fusion.joins import JoinKind
from trainers.fusion.networks import NetworkMethod, fit_alone, fit_joint
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task

CONFIG = NetworksConfig(steps=150, lr=1e-2, hidden_dim=16, tensor_dim=4, dropout=0.1, validations=5)


def accuracy(method: NetworkMethod, task: Task) -> float:
    test = task.splits["test"]
    return float((method.scores(test).argmax(axis=-1) == test.labels).mean())


def padded_with(split: Split, number: int, filler: float) -> Split:
    """Return the split with more positions, none of them there."""
    wider = {}
    for name, one in split.modalities.items():
        shape = (len(split.ids), number)
        more_NTC = np.full((*shape, one.values_NTC.shape[2]), filler, dtype=np.float32)
        wider[name] = Sequences(
            np.concatenate([one.values_NTC, more_NTC], axis=1),
            np.concatenate([one.mask_NT, np.zeros(shape, dtype=bool)], axis=1),
        )
    return replace(split, modalities=wider)


def test_a_modality_alone_knows_its_half_and_noise_knows_nothing(
    halves: Callable[..., Task],
) -> None:
    task = halves()
    assert accuracy(fit_alone(task, CONFIG, 0, "left"), task) == pytest.approx(0.5, abs=0.15)
    assert accuracy(fit_alone(task, CONFIG, 0, "noise"), task) < 0.4


@pytest.mark.parametrize("kind", ["concat", "tensor", "low_rank"])
@pytest.mark.parametrize("shape", [(1, 6), (8, 8)])
def test_three_modalities_together_know_all(
    halves: Callable[..., Task], kind: JoinKind, shape: tuple[int, int]
) -> None:
    task = halves(shape)
    assert accuracy(fit_joint(task, CONFIG, 0, kind), task) > 0.9


def test_lengths_may_differ_and_padding_changes_no_score(halves: Callable[..., Task]) -> None:
    task = halves((6, 3), ragged=True)
    method = fit_joint(task, CONFIG, 0, "concat")
    assert accuracy(method, task) > 0.85
    longer = padded_with(task.splits["test"], 3, np.nan)
    assert np.allclose(method.scores(longer), method.scores(task.splits["test"]), atol=1e-5)


def test_scores_are_numbers_near_the_labels(halves: Callable[..., Task]) -> None:
    task = halves(scores=True)
    test = task.splits["test"]
    found = fit_joint(task, CONFIG, 0, "concat").scores(test)
    assert found.shape == test.labels.shape
    assert np.abs(found - test.labels).mean() < 0.4


def test_positions_have_scores_of_their_own(halves: Callable[..., Task]) -> None:
    task = halves((6, 3), ragged=True)
    splits = {
        name: replace(
            split,
            labels=np.repeat(split.labels[:, None], 6, axis=1),
            label_mask_NT=split.modalities["left"].mask_NT,
        )
        for name, split in task.splits.items()
    }
    each = Task("each", task.classes, splits)
    test = splits["test"]
    found_NTC = fit_joint(each, CONFIG, 0, "concat").scores(test)
    assert found_NTC.shape == (80, 6, 4)
    right = (found_NTC.argmax(axis=-1) == test.labels)[test.label_mask_NT]
    assert right.mean() > 0.8


def test_the_same_seed_gives_the_same_scores_and_another_gives_others(
    halves: Callable[..., Task],
) -> None:
    task, config = halves(), CONFIG.model_copy(update={"steps": 20})
    one, again, other = (fit_joint(task, config, seed, "concat") for seed in (1, 1, 2))
    test = task.splits["test"]
    assert np.array_equal(one.scores(test), again.scores(test))
    assert not np.array_equal(one.scores(test), other.scores(test))


def test_scores_read_no_labels_and_no_other_example(halves: Callable[..., Task]) -> None:
    task = halves()
    method = fit_joint(task, CONFIG.model_copy(update={"steps": 20}), 0, "concat")
    test = task.splits["test"]
    blind = replace(test, labels=np.full_like(test.labels, UNLABELLED))
    assert np.array_equal(method.scores(blind), method.scores(test))


def test_a_split_without_labels_and_an_unknown_modality_are_refused(
    halves: Callable[..., Task],
) -> None:
    task = halves()
    train = task.splits["train"]
    blind = replace(train, labels=np.full_like(train.labels, UNLABELLED))
    unlabelled = Task("x", task.classes, {**task.splits, "train": blind})
    with pytest.raises(ValueError, match="split train must have a label"):
        fit_joint(unlabelled, CONFIG, 0, "concat")
    with pytest.raises(ValueError, match="modality must be one of halves's, got 'smell'"):
        fit_alone(task, CONFIG, 0, "smell")
