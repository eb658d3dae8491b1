"""Single modalities and their ceilings."""

import numpy as np
import pytest

from configs.fusion import FusionConfig
from trainers.fusion.classifier import Examples
from trainers.fusion.unimodal import ceiling, fit_each, predict_each


def test_one_bit_of_three_allows_a_quarter() -> None:
    labels = list(range(8)) * 5
    assert ceiling([label & 1 for label in labels], labels) == pytest.approx(0.25)


def test_the_ceiling_counts_the_most_frequent_label_of_each_value() -> None:
    # Value a: labels 0, 0, 1 -> 2 right. Value b: labels 2, 3 -> 1 right.
    assert ceiling(["a", "a", "a", "b", "b"], [0, 0, 1, 2, 3]) == pytest.approx(3 / 5)


def test_a_factor_that_is_the_label_allows_everything() -> None:
    assert ceiling([0, 1, 2], ["x", "y", "z"]) == 1.0


def test_each_modality_gets_a_classifier_of_its_own() -> None:
    label_N = np.arange(60) % 2
    told, silent = label_N[:, None].astype(float), np.zeros((60, 3))
    splits = {"told": Examples(told, label_N), "silent": Examples(silent, label_N)}
    classifiers = fit_each(FusionConfig(), 0, splits, splits, 2)
    log_MNC = predict_each(classifiers, {"silent": silent, "told": told})
    assert log_MNC.shape == (2, 60, 2)
    assert (log_MNC[0].argmax(axis=1) == label_N).all()
    assert len(set(log_MNC[1].argmax(axis=1).tolist())) == 1
