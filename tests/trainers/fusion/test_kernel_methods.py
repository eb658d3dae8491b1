"""Multiple kernel learning and kernel CCA as methods of fusion."""

from dataclasses import replace

import numpy as np
import pytest

from configs.kernels import KccaConfig, MklConfig
from trainers.fusion import kcca, mkl
from trainers.tasks.task import UNLABELLED, Sequences, Split, Task

MKL = MklConfig(gammas=(1.0,), penalties=(1.0, 10.0))
KCCA = KccaConfig(components=4, shrinkages=(0.1,), penalties=(0.1, 1.0))


def task(classes: int = 3, positions: bool = False, num: int = 90) -> Task:
    """Two modalities that each show the class through noise, and one of noise alone."""
    rng = np.random.default_rng(0)
    centre_CF = rng.normal(size=(max(classes, 1), 2, 4))

    def split(name: str) -> Split:
        shape = (num, 5) if positions else (num,)
        mask_NT = np.arange(5) < rng.integers(2, 6, num)[:, None] if positions else None
        if classes:
            labels = rng.integers(0, classes, shape)
            shown = centre_CF[labels]
        else:
            labels = rng.normal(size=shape).astype(np.float32)
            shown = labels[..., None, None] * np.tile(centre_CF[0], (*shape, 1, 1))
        told = {"sees": shown[..., 0, :], "hears": shown[..., 1, :]}
        told["noise"] = np.zeros_like(told["sees"])
        valid_NT = np.ones((num, 1), bool) if mask_NT is None else mask_NT
        modalities = {
            key: Sequences(
                (values + rng.normal(size=values.shape) * 0.7)
                .reshape(num, valid_NT.shape[1], 4)
                .astype(np.float32),
                valid_NT,
            )
            for key, values in told.items()
        }
        return Split(tuple(f"{name}{i}" for i in range(num)), modalities, labels, mask_NT)

    names = tuple(str(number) for number in range(classes))
    return Task("made", names, {name: split(name) for name in ("train", "val", "test")})


@pytest.mark.parametrize(("fit", "config"), [(mkl.fit, MKL), (kcca.fit, KCCA)])
@pytest.mark.parametrize("positions", [False, True])
def test_scores_are_log_probabilities_that_know_the_class(fit, config, positions: bool) -> None:
    made = task(positions=positions)
    test = made.splits["test"]
    scores = fit(made, config, 0).scores(test)
    assert scores.shape == (*test.labels.shape, 3)
    assert np.exp(scores).sum(axis=-1) == pytest.approx(np.ones(test.labels.shape))
    counts = np.ones(test.labels.shape, bool) if test.label_mask_NT is None else test.label_mask_NT
    assert (scores.argmax(axis=-1) == test.labels)[counts].mean() > 0.8


@pytest.mark.parametrize(("fit", "config"), [(mkl.fit, MKL), (kcca.fit, KCCA)])
def test_what_is_scored_does_not_depend_on_the_rest_of_the_split_nor_on_labels(fit, config) -> None:
    made = task()
    test, fitted = made.splits["test"], fit(made, config, 0)
    few = Split(
        test.ids[:5],
        {k: Sequences(s.values_NTC[:5], s.mask_NT[:5]) for k, s in test.modalities.items()},
        np.zeros(5, np.int64),
    )
    assert fitted.scores(few) == pytest.approx(fitted.scores(test)[:5], abs=1e-9)


@pytest.mark.parametrize(
    ("fit", "config"),
    [(mkl.fit, MKL.model_copy(update={"weighing": "alignment"})), (kcca.fit, KCCA)],
)
def test_scores_in_place_of_classes_are_told_too(fit, config) -> None:
    made = task(classes=0)
    told_N = fit(made, config, 0).scores(made.splits["test"])
    assert told_N.shape == made.splits["test"].labels.shape
    assert np.corrcoef(told_N, made.splits["test"].labels)[0, 1] > 0.8


@pytest.mark.parametrize(("fit", "config"), [(mkl.fit, MKL), (kcca.fit, KCCA)])
def test_two_classes_and_few_labels_are_enough(fit, config) -> None:
    made = task(classes=2)
    labels = made.splits["train"].labels.copy()
    labels[20:] = UNLABELLED
    few = replace(
        made, splits={**made.splits, "train": replace(made.splits["train"], labels=labels)}
    )
    scores = fit(few, config, 0).scores(few.splits["test"])
    assert (scores.argmax(axis=1) == few.splits["test"].labels).mean() > 0.8


def test_a_class_without_a_train_example_stays_possible_but_is_never_chosen() -> None:
    made = task()
    labels = np.where(made.splits["train"].labels == 2, UNLABELLED, made.splits["train"].labels)
    without = replace(
        made, splits={**made.splits, "train": replace(made.splits["train"], labels=labels)}
    )
    for fit, config in ((mkl.fit, MKL), (kcca.fit, KCCA)):
        scores = fit(without, config, 0).scores(without.splits["test"])
        assert np.isfinite(scores).all()
        assert not (scores.argmax(axis=1) == 2).any()


def test_noise_has_the_least_weight_and_weights_have_the_modalities_names() -> None:
    weights = mkl.fit(task(), MKL, 0).kernel_weights
    assert [name.split(",")[0] for name in weights] == ["sees", "hears", "noise"]
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights, key=weights.__getitem__).startswith("noise")


def test_the_penalty_is_the_one_that_validation_likes_best() -> None:
    made = task()
    config = MKL.model_copy(update={"penalties": (1e-6, 1.0)})
    assert mkl.fit(made, config, 0).machine.penalty == 1.0
    config = KCCA.model_copy(update={"penalties": (1e-6, 1.0)})
    assert kcca.fit(made, config, 0).head[-1].C == 1.0


def test_no_more_examples_are_used_than_allowed_and_the_seed_draws_them() -> None:
    made = task()
    config = MKL.model_copy(update={"most_examples": 30})
    test = made.splits["test"]
    first, again, other = (mkl.fit(made, config, seed) for seed in (0, 0, 1))
    assert first.num_examples == 30
    assert np.array_equal(first.scores(test), again.scores(test))
    assert not np.array_equal(first.scores(test), other.scores(test))
    assert first.num_parameters <= 3 * (30 + 1) + 9
    small = kcca.fit(made, KCCA.model_copy(update={"most_examples": 30}), 0)
    assert small.num_parameters == 3 * 30 * 4 + 3 * 12 + 3


def test_agreement_is_learned_from_examples_without_labels_too() -> None:
    made = task()
    labels = made.splits["train"].labels.copy()
    labels[20:] = UNLABELLED
    few = replace(
        made, splits={**made.splits, "train": replace(made.splits["train"], labels=labels)}
    )
    assert len(kcca.fit(few, KCCA, 0).agreement.duals_[0]) == len(labels)
    assert mkl.fit(few, MKL, 0).num_examples == 20


def test_what_a_method_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="weighing must be uniform or alignment"):
        mkl.fit(task(classes=0), MKL, 0)
    made = task()
    alone = {
        name: replace(split, modalities={"sees": split.modalities["sees"]})
        for name, split in made.splits.items()
    }
    with pytest.raises(ValueError, match="modalities must be two or more"):
        kcca.fit(replace(made, splits=alone), KCCA, 0)
