"""Tests of trainers/fusion/translation.py and translation_network.py."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from configs.models import TranslatorConfig
from configs.translation import TranslationConfig
from trainers.fusion.translation import fit
from trainers.fusion.translation_network import Padded, TranslationNetwork
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task

KINDS = ("queries", "recurrent", "transformer")


def split(seed: int, num: int, steps: int = 4, each: bool = False, scores: bool = False) -> Split:
    """Sequences of length 1 to `steps`: b is a turned around, c its mean, and a tells the class."""
    draw = np.random.default_rng(seed)
    mask_NT = np.arange(steps) < draw.integers(1, steps + 1, size=(num, 1))
    classes_NT = draw.integers(0, 2, size=(num, steps if each else 1))
    a_NTC = draw.normal(size=(num, steps, 3)) + 2.0 * classes_NT[..., None]
    b_NTC = np.concatenate([a_NTC[:, ::-1], -a_NTC[:, ::-1]], axis=-1)
    c_NTC = a_NTC.mean(axis=1, keepdims=True)[..., :2]
    modalities = {
        "a": Sequences(np.where(mask_NT[..., None], a_NTC, 0).astype(np.float32), mask_NT),
        "b": Sequences(b_NTC.astype(np.float32), np.ones((num, steps), dtype=bool)),
        "c": Sequences(c_NTC.astype(np.float32), np.ones((num, 1), dtype=bool)),
    }
    labels = classes_NT if each else classes_NT[:, 0]
    labels = labels.astype(np.float32) if scores else labels.astype(np.int64)
    ids = tuple(str(i) for i in range(num))
    return Split(ids, modalities, labels, mask_NT if each else None)


def task(**layout: bool) -> Task:
    splits = {"train": split(1, 60, **layout), "val": split(2, 30, **layout)}
    names = () if layout.get("scores") else ("low", "high")
    return Task("turned", names, {**splits, "test": split(3, 40, **layout)})


def config(kind: str = "queries", **settings: object) -> TranslationConfig:
    translator = TranslatorConfig(kind=kind, hidden_dim=8)
    return TranslationConfig(
        **{"translator": translator, "lr": 1e-2, "epochs": 4, "output_l2": 0.0, **settings}
    )


def with_modality(part: Split, name: str, values_NTC: np.ndarray, mask_NT=None) -> Split:
    mask_NT = part.modalities[name].mask_NT if mask_NT is None else mask_NT
    sequences = Sequences(values_NTC.astype(np.float32), mask_NT)
    return replace(part, modalities={**part.modalities, name: sequences})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("each", [False, True])
def test_prediction_is_the_same_bits_whatever_the_targets_are(kind: str, each: bool) -> None:
    given = task(each=each)
    fitted = fit(given, config(kind), 0)
    test = given.splits["test"]
    expected = fitted.scores(test)
    alone = replace(test, modalities={"a": test.modalities["a"]})
    assert np.array_equal(fitted.scores(alone), expected)
    for name in ("b", "c"):
        shape = test.modalities[name].values_NTC.shape
        noise = np.random.default_rng(0).normal(size=shape)
        for values in (np.zeros(shape), 1e3 * noise, np.full(shape, np.nan)):
            assert np.array_equal(fitted.scores(with_modality(test, name, values)), expected)
        gone = np.zeros(shape[:2], dtype=bool)
        assert np.array_equal(fitted.scores(with_modality(test, name, noise, gone)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_at_pads_changes_neither_training_nor_prediction(kind: str) -> None:
    clean, dirty = {}, {}
    for name, part in task().splits.items():
        told = part.modalities["b"]
        mask_NT = np.arange(4) < np.random.default_rng(4).integers(1, 5, size=(len(part.ids), 1))
        clean[name] = dirty[name] = with_modality(part, "b", told.values_NTC, mask_NT)
        for modality in ("a", "b"):
            there = dirty[name].modalities[modality]
            junk = np.where(there.mask_NT[..., None], there.values_NTC, 1e3)
            dirty[name] = with_modality(dirty[name], modality, junk, there.mask_NT)
    one, two = (
        fit(Task("turned", ("low", "high"), splits), config(kind), 0) for splits in (clean, dirty)
    )
    for weights, others in zip(one.network.parameters(), two.network.parameters(), strict=True):
        assert torch.equal(weights, others)
    assert np.array_equal(one.scores(clean["test"]), two.scores(dirty["test"]))


def test_more_padding_changes_no_prediction() -> None:
    given = task()
    fitted = fit(given, config(), 0)
    test = given.splits["test"]
    a = test.modalities["a"]
    longer = np.pad(a.values_NTC, ((0, 0), (0, 3), (0, 0)), constant_values=9.0)
    mask = np.pad(a.mask_NT, ((0, 0), (0, 3)))
    got = fitted.scores(with_modality(test, "a", longer, mask))
    np.testing.assert_allclose(got, fitted.scores(test), atol=1e-6)


def test_a_position_without_a_label_teaches_nothing_by_it() -> None:
    given = task(each=True)
    train = given.splits["train"]
    assert train.label_mask_NT is not None
    turned = np.where(train.label_mask_NT, train.labels, 1 - train.labels)
    unknown = np.where(train.label_mask_NT, train.labels, UNLABELLED)
    fits = [
        fit(replace(given, splits={**given.splits, "train": replace(train, labels=labels)}), c, 0)
        for c in [config()]
        for labels in (train.labels, turned, unknown)
    ]
    first, *others = (fitted.scores(given.splits["test"]) for fitted in fits)
    assert all(np.array_equal(first, scores) for scores in others)


def test_examples_without_a_label_teach_the_translation() -> None:
    given = task()
    train = given.splits["train"]
    few = np.where(np.arange(60) < 6, train.labels, UNLABELLED)
    rows = slice(0, 6)
    cut = Split(
        train.ids[rows],
        {k: Sequences(s.values_NTC[rows], s.mask_NT[rows]) for k, s in train.modalities.items()},
        train.labels[rows],
    )
    errors = []
    for part in (replace(train, labels=few), cut):
        small = replace(given, splits={**given.splits, "train": part})
        fitted = fit(small, config(epochs=40, patience=40, forward_weight=3.0), 0)
        errors.append(fitted.translation_error(given.splits["test"]))
    assert errors[0] < 0.8 * errors[1]


def test_it_translates_and_predicts_what_it_has_not_seen() -> None:
    given = task()
    fitted = fit(given, config(epochs=60, patience=60, forward_weight=1.0), 0)
    test = given.splits["test"]
    assert fitted.translation_error(test) < 0.8
    assert (fitted.scores(test).argmax(1) == test.labels).mean() > 0.85
    assert fitted.joint(test).shape == (40, 4, 8)


def test_the_weights_say_what_is_trained() -> None:
    given = task()
    untrained = {
        "none": config(forward_weight=0.0, cycle_weight=0.0, second_weight=0.0),
        "first": config(second_weight=0.0),
        "both": config(),
    }
    moved = {}
    for name, settings in untrained.items():
        one, two = (
            fit(given, settings.model_copy(update={"epochs": epochs}), 0).network
            for epochs in (1, 2)
        )
        old, new = one.state_dict(), two.state_dict()
        moved[name] = {
            part: any(not torch.equal(old[k], new[k]) for k in old if k.startswith(part))
            for part in ("first.ways_out.b", "second.ways_out.c", "second.core.encoder")
        }
    assert list(moved["none"].values()) == [False, False, True]
    assert list(moved["first"].values()) == [True, False, True]
    assert list(moved["both"].values()) == [True, True, True]


def test_the_way_back_begins_at_the_guess_and_trains_the_way_there() -> None:
    torch.manual_seed(0)
    settings = config(source="a", targets=("b",))
    network = TranslationNetwork(settings, {"a": 3, "b": 6}, 2, each=False)
    batch = {
        name: Padded(torch.randn(5, 4, width), torch.ones(5, 4, dtype=torch.bool))
        for name, width in (("a", 3), ("b", 6))
    }
    joints = network.joints(batch["a"])
    assert network.translate(joints, batch, back=False).cycle == 0
    made = network.translate(joints, batch, back=True)
    other = {**batch, "b": Padded(batch["b"].values_BSC + 5, batch["b"].mask_BS)}
    assert torch.equal(network.translate(joints, other, back=True).cycle, made.cycle)
    made.cycle.backward()
    assert network.first.ways_out["b"].weight.grad.any()


def test_with_two_targets_the_prediction_is_made_from_the_second_joint_sequence() -> None:
    network = fit(task(), config(), 0).network
    source = Padded(torch.randn(2, 4, 3), torch.ones(2, 4, dtype=torch.bool))
    first, second = network.joints(source)
    assert network.second is not None
    assert network.second.modalities == ("joint", "c")
    other = network.predict([torch.zeros_like(first), second], source)
    assert torch.equal(other, network.predict([first, second], source))
    assert not torch.equal(network.predict([first], source), other)


def test_scores_are_learned_by_their_absolute_error() -> None:
    given = task(scores=True)
    fitted = fit(given, config(epochs=60, patience=60), 0)
    test = given.splits["test"]
    scores = fitted.scores(test)
    assert scores.shape == (40,)
    assert np.abs(scores - test.labels).mean() < 0.6 * np.abs(test.labels - 0.5).mean()


def test_the_seed_gives_the_weights_and_nobody_elses_draws_change() -> None:
    given = task()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again, other = (fit(given, config(), seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    test = given.splits["test"]
    assert np.array_equal(one.scores(test), again.scores(test))
    assert not np.array_equal(one.scores(test), other.scores(test))
    assert one.num_parameters == sum(p.numel() for p in one.network.parameters())


def test_modalities_that_are_not_there_and_labels_that_are_not_known_are_refused() -> None:
    given = task()
    for targets in (("x",), ("b", "a")):
        with pytest.raises(ValueError, match=r"of turned, a, b, c, got 'a' and \('"):
            fit(given, config(targets=targets), 0)
    with pytest.raises(ValueError, match="must be different modalities"):
        config(source="a", targets=("b", "a"))
    train = given.splits["train"]
    nothing = replace(train, labels=np.full_like(train.labels, UNLABELLED))
    with pytest.raises(ValueError, match="split train of turned must have a label, got none"):
        fit(replace(given, splits={**given.splits, "train": nothing}), config(), 0)
