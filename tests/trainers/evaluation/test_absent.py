"""Tests of trainers/evaluation/absent.py."""

import numpy as np
import pytest

from configs.fusion import FusionConfig
from trainers.evaluation.absent import measure_absence, with_joint, without
from trainers.fusion.classifier import fit_classifier
from trainers.fusion.table import Labelled, make_table

CONFIG = FusionConfig(epochs=30, seeds=3, hidden_dim=16, dropout=0.1)


def labelled(seed: int, num: int = 240) -> Labelled:
    """Four classes of two bits: one in `seen`, whose mean is far from 0, the other in `heard`."""
    rng = np.random.default_rng(seed)
    label_N = rng.integers(0, 4, num)
    bits_N2 = np.stack([label_N & 1, label_N >> 1], axis=1).astype(np.float32)
    noise_N6 = 0.2 * rng.standard_normal((num, 6)).astype(np.float32)
    seen_N3 = noise_N6[:, :3] + 5 + bits_N2[:, :1]
    heard_N3 = noise_N6[:, 3:] + bits_N2[:, 1:]
    return Labelled({"seen": seen_N3, "heard": heard_N3}, label_N)


@pytest.fixture(scope="module")
def splits() -> dict[str, Labelled]:
    return {name: labelled(seed) for seed, name in enumerate(("train", "val", "test"))}


def test_with_all_a_classifier_knows_both_bits_and_with_one_missing_only_the_other(splits):
    found = measure_absence(CONFIG, splits, 4)
    figures = found.figures("eval/absent")
    assert figures["eval/absent_all"] > 0.9
    for name in ("seen", "heard"):
        assert 0.4 < figures[f"eval/absent_without_{name}_mean"] < 0.6


def test_with_all_it_is_the_early_row_of_the_fusion_table(splits):
    table = make_table(CONFIG, splits, [0, 1, 2, 3], {})
    early = next(row for row in table.rows if row.name == "early_concat")
    assert measure_absence(CONFIG, splits, 4).rows[0].accuracies == early.accuracies


def test_every_subset_but_the_empty_one_is_measured_with_each_stand_in(splits):
    rows = measure_absence(CONFIG, splits, 4).rows
    assert [(row.present, row.fill) for row in rows] == [
        (("seen", "heard"), "mean"),
        (("seen",), "mean"),
        (("seen",), "zero"),
        (("heard",), "mean"),
        (("heard",), "zero"),
    ]


def test_what_is_missing_cannot_be_told_from_what_is_there_of_it(splits):
    test = splits["test"]
    noise_N3 = np.random.default_rng(9).standard_normal((240, 3)).astype(np.float32)
    others = Labelled(test.features | {"heard": noise_N3}, test.label_N)
    before = measure_absence(CONFIG, splits, 4).rows
    after = measure_absence(CONFIG, splits | {"test": others}, 4).rows
    assert before[0].accuracies != after[0].accuracies
    assert before[1:3] == after[1:3]


def test_the_mean_is_that_of_the_training_clips_and_what_is_present_stays_bit_for_bit(splits):
    train, test = splits["train"].features, splits["test"].features
    filled = without(test, ("heard",), "mean", train)
    np.testing.assert_allclose(filled["seen"], np.tile(train["seen"].mean(axis=0), (240, 1)), 1e-6)
    assert filled["heard"] is test["heard"]
    assert not without(test, ("heard",), "zero", train)["seen"].any()


def test_zeros_do_more_harm_than_the_mean_where_a_feature_is_far_from_zero(splits):
    figures = measure_absence(CONFIG, splits, 4).figures("x")
    assert figures["x_without_seen_zero"] <= figures["x_without_seen_mean"] + 0.05


def test_a_forewarned_classifier_is_trained_and_chosen_on_clips_without_each_modality_too(
    splits, monkeypatch
):
    given = []

    def spy(config, seed, train, val, num_classes):
        given.append((train, val))
        return fit_classifier(config, seed, train, val, num_classes)

    monkeypatch.setattr("trainers.evaluation.absent.fit_classifier", spy)
    config = CONFIG.model_copy(update={"epochs": 1})
    measure_absence(config, splits, 4, forewarned=True)
    train, mean_F = splits["train"], splits["train"].fused().features_NF.mean(axis=0)
    for examples, part in zip(given[0], (train, splits["val"]), strict=True):
        whole_NF, no_seen_NF, no_heard_NF = np.split(examples.features_NF, 3)
        assert np.array_equal(whole_NF, part.fused().features_NF)
        np.testing.assert_allclose(no_seen_NF[:, :3], np.tile(mean_F[:3], (240, 1)), 1e-5)
        np.testing.assert_allclose(no_heard_NF[:, 3:], np.tile(mean_F[3:], (240, 1)), 1e-5)
        assert np.array_equal(no_seen_NF[:, 3:], whole_NF[:, 3:])
        assert np.array_equal(examples.label_N, np.tile(part.label_N, 3))


def test_joint_features_go_with_the_modality_that_they_are_computed_from(splits):
    own = splits["train"].features
    joint_N1 = np.ones((240, 1), np.float32)
    both = with_joint(own, {"seen": joint_N1})
    assert np.array_equal(both["seen"], np.hstack([own["seen"], joint_N1]))
    assert both["heard"] is own["heard"]


def test_one_modality_alone_is_refused(splits):
    alone = {name: Labelled({"seen": s.features["seen"]}, s.label_N) for name, s in splits.items()}
    with pytest.raises(ValueError, match="two modalities or more"):
        measure_absence(CONFIG, alone, 4)
