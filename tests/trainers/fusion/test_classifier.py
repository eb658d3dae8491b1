"""The classifier that all rows share."""

import numpy as np
import pytest
import torch

import trainers.fusion.classifier as classifier_module
from configs.fusion import FusionConfig
from trainers.fusion.classifier import Examples, Standardiser, accuracy, fit_classifier


def examples(seed: int, num: int = 200, noise: float = 0.3) -> Examples:
    rng = np.random.default_rng(seed)
    label_N = rng.integers(0, 2, num)
    features_NF = rng.normal(size=(num, 6)).astype(np.float32) * noise
    features_NF[:, 2] += label_N
    return Examples(features_NF, label_N)


def test_it_learns_what_the_features_show_on_clips_not_trained_on() -> None:
    test = examples(2)
    classifier = fit_classifier(FusionConfig(), 0, examples(0), examples(1), 2)
    assert accuracy(classifier.log_probabilities(test.features_NF), test.label_N) > 0.85


def test_the_same_seed_gives_the_same_decisions_and_another_seed_others() -> None:
    config, x_NF = FusionConfig(epochs=3), examples(2).features_NF
    runs = [
        fit_classifier(config, seed, examples(0), examples(1), 2).log_probabilities(x_NF)
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_training_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    fit_classifier(FusionConfig(epochs=1), 0, examples(0), examples(1), 2)
    assert torch.equal(before, torch.get_rng_state())


def test_standardising_uses_the_training_statistics_only() -> None:
    train, other = np.array([[0.0], [2.0]]), np.array([[11.0]])
    assert Standardiser.of(train)(other).item() == pytest.approx(10.0)


def test_a_shift_and_scale_of_a_modality_changes_nothing() -> None:
    config = FusionConfig(epochs=5)
    train, val, test = (examples(seed) for seed in (0, 1, 2))
    plain = fit_classifier(config, 0, train, val, 2).log_probabilities(test.features_NF)

    def moved(x: Examples) -> Examples:
        return Examples(x.features_NF.astype(np.float64) * 1e3 - 50, x.label_N)

    loud = fit_classifier(config, 0, moved(train), moved(val), 2)
    assert loud.log_probabilities(moved(test).features_NF) == pytest.approx(plain, abs=1e-3)


def test_a_feature_that_is_constant_in_training_is_ignored() -> None:
    standard = Standardiser.of(np.full((4, 1), 3.1, dtype=np.float32))
    assert standard(np.array([[1e6]])).item() == 0.0


def test_features_that_say_nothing_end_near_the_prior_not_in_memorised_noise() -> None:
    rng = np.random.default_rng(0)
    train, val, test = (
        Examples(rng.normal(size=(100, 50)), rng.integers(0, 4, 100)) for _ in range(3)
    )
    classifier = fit_classifier(FusionConfig(), 0, train, val, 4)
    log_NC = classifier.log_probabilities(test.features_NF)
    assert -log_NC[np.arange(100), test.label_N].mean() < 1.15 * np.log(4)


def test_training_ends_when_validation_gets_no_better(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = []
    monkeypatch.setattr(classifier_module, "_loss", lambda *_: epochs.append(0) or 1.0)
    fit_classifier(FusionConfig(epochs=50, patience=4), 0, examples(0), examples(1), 2)
    assert len(epochs) == 5
