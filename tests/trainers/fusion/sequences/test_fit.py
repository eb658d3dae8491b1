"""Tests of trainers/fusion/sequences/fit.py: every network learns, repeats and honours lengths."""

import dataclasses

import numpy as np
import pytest

from configs.sequences import (
    HiddenCrfConfig,
    KernelAttentionConfig,
    LearningConfig,
    MemoryConfig,
    RecurrentConfig,
    SequenceConfig,
    StatesConfig,
)
from trainers.fusion.sequences.fit import SequenceMethod, fit, fit_hidden_crf
from trainers.kernels.attention import MassError
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task

LEARNING = LearningConfig(epochs=12, lr=1e-2, batch=20)
STATES: list[StatesConfig] = [
    RecurrentConfig(hidden_dim=12),
    MemoryConfig(hidden_dims=(10,), memory_dim=10, gate_dim=16),
    KernelAttentionConfig(width=12, heads=2),
]
KINDS = [states.kind for states in STATES]


def trained(task: Task, states: StatesConfig, output: str = "independent") -> SequenceMethod:
    config = SequenceConfig(states=states, output=output, dropout=0.1, learning=LEARNING)
    return fit(task, config, 0)


def accuracy(method: SequenceMethod, split: Split) -> float:
    right = method.scores(split).argmax(axis=-1) == split.labels
    return float(right[split.label_mask_NT].mean() if right.ndim == 2 else right.mean())


def padded(split: Split) -> Split:
    """The same examples with padding behind them that is full of noise."""
    modalities = {
        name: Sequences(
            np.concatenate([np.where(s.mask_NT[..., None], s.values_NTC, 50), 9 + s.values_NTC], 1),
            np.concatenate([s.mask_NT, np.zeros_like(s.mask_NT)], 1),
        )
        for name, s in split.modalities.items()
    }
    if split.label_mask_NT is None:
        return dataclasses.replace(split, modalities=modalities)
    twice = np.concatenate([split.labels, split.labels], 1)
    mask = np.concatenate([split.label_mask_NT, np.zeros_like(split.label_mask_NT)], 1)
    return Split(split.ids, modalities, twice, mask)


def assert_honours_lengths(method: SequenceMethod, split: Split) -> None:
    ours, theirs = method.scores(split), method.scores(padded(split))
    if split.label_mask_NT is not None:
        theirs = theirs[:, : ours.shape[1]][split.label_mask_NT]
        ours = ours[split.label_mask_NT]
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("states", STATES, ids=KINDS)
@pytest.mark.parametrize("output", ["independent", "chain"])
def test_positions_are_told_apart_by_both_modalities(
    positions: Task, states: StatesConfig, output: str
) -> None:
    method, test = trained(positions, states, output), positions.splits["test"]
    assert accuracy(method, test) > 0.85
    assert np.abs(np.exp(method.scores(test)).sum(axis=-1) - 1).max() < 1e-5
    assert_honours_lengths(method, test)


@pytest.mark.parametrize("states", STATES, ids=KINDS)
def test_whole_sequences_are_told_apart_by_modalities_of_other_lengths(
    whole: Task, states: StatesConfig
) -> None:
    method = trained(whole, states)
    assert accuracy(method, whole.splits["test"]) > 0.8
    assert_honours_lengths(method, whole.splits["test"])


@pytest.mark.parametrize("states", STATES, ids=KINDS)
def test_scores_are_learned_too(scored: Task, states: StatesConfig) -> None:
    test = scored.splits["test"]
    found = trained(scored, states).scores(test)
    assert found.shape == test.labels.shape
    assert np.abs(found - test.labels).mean() < 0.6 < np.abs(test.labels - 1.5).mean()


def test_several_scores_of_an_example_are_learned_at_once(scored: Task) -> None:
    """The second score is the first one, turned round and on a scale of thousands."""
    splits = {
        name: dataclasses.replace(s, labels=np.stack([s.labels, 5000 - 1000 * s.labels], 1))
        for name, s in scored.splits.items()
    }
    test = splits["test"]
    found = trained(Task("two", (), splits), STATES[1]).scores(test)
    errors = np.abs(found - test.labels).mean(axis=0)
    assert found.shape == test.labels.shape
    assert errors[0] < 0.6
    assert errors[1] < 600


def test_the_running_mean_of_the_weights_is_what_is_kept(positions: Task) -> None:
    """Of one step from seed 0, a mean that keeps 0.75 goes a quarter of the way."""
    kept = []
    for average, lr in ((0.0, 1e-9), (0.0, 1e-2), (0.75, 1e-2)):
        learning = LearningConfig(epochs=1, batch=80, lr=lr, average=average)
        method = fit(positions, SequenceConfig(states=STATES[0], learning=learning), 0)
        kept.append(method.network.out.bias.detach().double())
    start, whole, mean = kept
    assert (whole - start).abs().max() > 5e-3
    assert (mean - start - (whole - start) / 4).abs().max() < 1e-5


def test_hidden_states_label_positions_and_whole_sequences(positions: Task, whole: Task) -> None:
    config = HiddenCrfConfig(dropout=0.0, learning=LEARNING)
    for task in (positions, whole):
        method = fit_hidden_crf(task, config, 0)
        assert accuracy(method, task.splits["test"]) > 0.8
        assert np.abs(np.exp(method.scores(task.splits["test"])).sum(axis=-1) - 1).max() < 1e-5
        assert_honours_lengths(method, task.splits["test"])


def test_the_same_seed_gives_the_same_scores_and_another_seed_others(positions: Task) -> None:
    config = SequenceConfig(
        states=STATES[1], output="chain", learning=LearningConfig(epochs=2, lr=1e-2)
    )
    one, again, other = (
        fit(positions, config, seed).scores(positions.splits["test"]) for seed in (3, 3, 4)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_only_named_modalities_are_read(positions: Task) -> None:
    config = SequenceConfig(modalities=("left",), learning=LearningConfig(epochs=1))
    method, test = fit(positions, config, 0), positions.splits["test"]
    right = test.modalities["right"]
    noise = Sequences(right.values_NTC + 7, right.mask_NT)
    other = dataclasses.replace(test, modalities={**test.modalities, "right": noise})
    assert np.array_equal(method.scores(test), method.scores(other))


def test_the_best_labels_of_a_sequence_need_a_chain(positions: Task) -> None:
    test = positions.splits["test"]
    best = trained(positions, STATES[0], "chain").best(test)
    assert test.label_mask_NT is not None
    assert np.array_equal(best >= 0, test.label_mask_NT)
    assert (best == test.labels)[test.label_mask_NT].mean() > 0.85
    with pytest.raises(ValueError, match="`chain`"):
        fit(positions, SequenceConfig(learning=LearningConfig(epochs=1)), 0).best(test)


def test_what_has_no_chain_of_classes_is_refused(whole: Task, scored: Task) -> None:
    with pytest.raises(ValueError, match="`independent`"):
        fit(whole, SequenceConfig(output="chain"), 0)
    with pytest.raises(ValueError, match="needs classes, got scores"):
        fit_hidden_crf(scored, HiddenCrfConfig(), 0)


def test_a_task_without_any_train_label_is_refused(whole: Task) -> None:
    train = whole.splits["train"]
    nothing = dataclasses.replace(train, labels=np.full_like(train.labels, UNLABELLED))
    with pytest.raises(ValueError, match="one that is known, got none"):
        fit(Task("none", whole.classes, {**whole.splits, "train": nothing}), SequenceConfig(), 0)


def test_linear_attention_stops_where_its_mass_is_not_positive(positions: Task) -> None:
    states = KernelAttentionConfig(kernel="linear", width=12, heads=2)
    with pytest.raises(MassError, match="linear"):
        trained(positions, states)
