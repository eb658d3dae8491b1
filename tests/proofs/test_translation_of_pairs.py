"""Cyclic translation of real pairs: UCI mfeat with 50 labels, and CMU-MOSI, by the source alone.

The arms of a comparison have the same network, seeds, labels and choice of the epoch (the least
cross-entropy on the val split, 200 digits or 12 videos). They differ in the weights of translation.
"""

import functools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from configs.models import TranslatorConfig
from configs.translation import TranslationConfig
from trainers.fusion.translation import TranslationMethod, fit
from trainers.tasks import mfeat, mosi
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]

LABELS, SEEDS, SEEDS_OF_KINDS = 50, 5, 3
DIGITS = {
    "no translation": (0.0, 0.0, 0.0),
    "forward": (3.0, 0.0, 0.0),
    "cyclic": (3.0, 1.0, 0.0),
    "two levels": (3.0, 1.0, 3.0),
}
"""Weights of source -> first target, of the way back, and of joint sequence -> second target.

With 3 for the way back `cyclic` was 2.1 points below `forward`, whose spread is 2.0; of 1 and .3,
tried next, 1 was better on val digits by .3 points."""
OPINIONS = {
    "no translation": (0.0, 0.0, 0.0),
    "text to audio": (0.1, 0.1, 0.0),
    "text to audio to video": (0.1, 0.1, 0.1),
}
"""The published weights."""
KINDS = get_args(TranslatorConfig.model_fields["kind"].annotation)
DEFAULT_KIND = TranslatorConfig().kind


@dataclass
class Arm:
    """One setting, trained with every seed."""

    accuracies: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    """Squared error of source -> first target on test examples, over the target's variance."""
    cpu_s: float = 0.0

    def add(self, task: Task, config: TranslationConfig, seed: int) -> TranslationMethod:
        began = time.process_time()
        fitted = fit(task, config, seed)
        self.cpu_s += time.process_time() - began
        self.accuracies.append(accuracy(fitted, task.splits["test"]))
        self.errors.append(fitted.translation_error(task.splits["test"]))
        return fitted

    @property
    def accuracy(self) -> float:
        return statistics.mean(self.accuracies)

    @property
    def told(self) -> str:
        each = " ".join(f"{a:.1f}" for a in self.accuracies)
        mean, cpu_s = spread(self.accuracies), self.cpu_s / len(self.accuracies)
        return (
            f"{mean} ({each}); error {statistics.mean(self.errors):.3f}; {cpu_s:.0f} CPU s a seed"
        )


def accuracy(fitted: TranslationMethod, split: Split) -> float:
    right = fitted.scores(split).argmax(-1) == split.labels
    counted = slice(None) if split.label_mask_NT is None else split.label_mask_NT
    return 100 * float(right[counted].mean())


def spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def settings(
    weights: tuple[float, float, float], kind: str, hidden: int, **rest: object
) -> TranslationConfig:
    forward, cycle, second = weights
    return TranslationConfig(
        translator=TranslatorConfig(kind=kind, hidden_dim=hidden),
        forward_weight=forward,
        cycle_weight=cycle,
        second_weight=second,
        **rest,
    )


@functools.cache
def digits(
    folder: Path, arm: str, kind: str = DEFAULT_KIND, seeds: int = SEEDS, targets: tuple = ("pix",)
) -> Arm:
    """fou -> pix, 1,200 pairs of which 50 have a label, 5 of each digit."""
    told = Arm()
    training = {"lr": 2e-3, "batch": 100, "epochs": 120, "patience": 120}
    config = settings(DIGITS[arm], kind, 64, source="fou", targets=targets, **training)
    for seed in range(seeds):
        told.add(mfeat.load(folder, ("fou", *targets), LABELS, seed), config, seed)
    return told


def test_translation_into_pixels_helps_when_labels_are_few(test_data: Path, figures) -> None:
    folder = test_data / "fusion" / "mfeat"
    arms = {arm: digits(folder, arm) for arm in ("no translation", "forward", "cyclic")}
    figures(pairs=1200, labels=LABELS, test_digits=600, seeds=SEEDS)
    figures(logistic_regression_on_fou=spread([logistic(folder, seed) for seed in range(SEEDS)]))
    figures(**{f"{arm}: accuracy by fou alone": told.told for arm, told in arms.items()})
    none, forward, cyclic = arms.values()
    gains = np.subtract(cyclic.accuracies, none.accuracies)
    figures(gain_in_points_seed_by_seed=spread(gains.tolist()))
    ahead = np.subtract(cyclic.accuracies, forward.accuracies)
    figures(cyclic_ahead_of_forward_in_points=spread(ahead.tolist()))
    assert max(cyclic.errors) < 0.9
    assert max(forward.errors) < 0.9
    assert cyclic.accuracy >= none.accuracy + 8
    assert cyclic.accuracy >= forward.accuracy - statistics.stdev(forward.accuracies)


def logistic(folder: Path, seed: int) -> float:
    """Accuracy of a linear classifier of the 50 labels, what no co-learning should fall behind."""
    task = mfeat.load(folder, ("fou",), LABELS, seed)
    train, test = (task.splits[name] for name in ("train", "test"))
    scale = StandardScaler().fit(train.modalities["fou"].values_NTC[:, 0])
    known = train.labels != UNLABELLED
    model = LogisticRegression(max_iter=1000)
    model.fit(scale.transform(train.modalities["fou"].values_NTC[known, 0]), train.labels[known])
    return 100 * model.score(scale.transform(test.modalities["fou"].values_NTC[:, 0]), test.labels)


def test_opinions_by_text_alone(test_data: Path, figures) -> None:
    task = mosi.load(test_data / "fusion" / "mosi_utt", "videos")
    test = task.splits["test"]
    positive = 100 * float(test.labels[test.label_mask_NT].mean())
    figures(majority_of_the_test_split=positive, utterances=int(test.label_mask_NT.sum()))
    training = {"lr": 1e-3, "batch": 10, "epochs": 200, "patience": 20}
    told = {name: Arm() for name in OPINIONS}
    for name, weights in OPINIONS.items():
        targets = ("audio", "video") if weights[2] else ("audio",)
        config = settings(weights, DEFAULT_KIND, 32, source="text", targets=targets, **training)
        for seed in range(3):
            told[name].add(task, config, seed)
        figures(**{f"{name}: accuracy by text alone": told[name].told})
    none = told.pop("no translation")
    gain = max(arm.accuracy for arm in told.values()) - none.accuracy
    largest = max(statistics.stdev(arm.accuracies) for arm in (none, *told.values()))
    figures(best_translation_ahead_of_none_in_points=gain, largest_spread=largest)
    figures(translation_helps_here="yes" if gain > largest else "no, not beyond the spread")
    assert all(arm.accuracy >= 75 for arm in (none, *told.values()))


def test_three_views_at_two_levels_and_one_at_test(test_data: Path, figures) -> None:
    folder = test_data / "fusion" / "mfeat"
    arm = digits(folder, "two levels", targets=("pix", "kar"))
    figures(fou_to_pix_to_kar=arm.told)
    assert max(arm.errors) < 0.9
    assert arm.accuracy >= digits(folder, "no translation").accuracy + 8


def test_prediction_is_the_same_bits_whatever_the_targets_are(test_data: Path, figures) -> None:
    views = ("fou", "pix", "kar")
    task = mfeat.load(test_data / "fusion" / "mfeat", views, LABELS)
    test = task.splits["test"]
    for kind in KINDS:
        config = settings(DIGITS["two levels"], kind, 64, source="fou", targets=views[1:], epochs=3)
        fitted = fit(task, config, 0)
        expected = fitted.scores(test)
        for stand_in in stand_ins(test):
            assert np.array_equal(fitted.scores(stand_in), expected)
    figures(compared="absent, zero, noise, nan, masked out", kinds=" ".join(KINDS))


def stand_ins(test: Split) -> list[Split]:
    """Return the split with its targets absent, and with other things in their place."""
    draw = np.random.default_rng(0)
    made = [replace(test, modalities={"fou": test.modalities["fou"]})]
    for fill in (np.zeros_like, lambda x: draw.normal(size=x.shape), lambda x: x * np.nan):
        told = {
            name: Sequences(fill(s.values_NTC).astype(np.float32), s.mask_NT)
            for name, s in test.modalities.items()
        }
        made.append(replace(test, modalities={**told, "fou": test.modalities["fou"]}))
    gone = {name: Sequences(s.values_NTC, s.mask_NT & False) for name, s in test.modalities.items()}
    return [*made, replace(test, modalities={**gone, "fou": test.modalities["fou"]})]


def test_the_other_kinds_of_translator_beside_the_default_one(test_data: Path, figures) -> None:
    folder = test_data / "fusion" / "mfeat"
    default = digits(folder, "cyclic").accuracies[:SEEDS_OF_KINDS]
    figures(**{f"{DEFAULT_KIND}, the same seeds": spread(default)})
    for kind in KINDS:
        if kind == DEFAULT_KIND:
            continue
        arms = [digits(folder, arm, kind, SEEDS_OF_KINDS) for arm in ("no translation", "cyclic")]
        none, cyclic = arms
        figures(**{f"{kind}, no translation": none.told, f"{kind}, cyclic": cyclic.told})
        holds = max(cyclic.errors) < 0.9 and cyclic.accuracy >= none.accuracy + 8
        figures(**{f"{kind} holds both bars": "yes" if holds else "no"})
        assert max(cyclic.errors) < 1
        assert cyclic.accuracy > none.accuracy
