"""Machines on a weighted sum of any kernels."""

import numpy as np
import pytest

from trainers.kernels.mkl.weighed import fit_weighed
from trainers.kernels.strings import spectrum, string_gram, subsequence

KITCHEN = [
    *("pour the milk", "pour milk in", "milk is poured"),
    *("stir the soup", "stir it well", "now stir soup"),
    *("chop an onion", "chop onions fine", "the onion is chopped"),
]


def test_kernels_of_narrations_tell_what_is_done() -> None:
    label_N = np.repeat([0, 1, 2], 3)
    kernels = [
        lambda s, t: subsequence(s, t, length=3, decay=0.7),
        lambda s, t: spectrum(s, t, length=4),
    ]
    fitted = fit_weighed(np.stack([string_gram(k, KITCHEN, KITCHEN) for k in kernels]), label_N, 3)
    asked = ["please pour milk", "stirring soup", "chopped onion"]
    gram_MQN = np.stack([string_gram(k, asked, KITCHEN) for k in kernels])
    assert fitted.decide(gram_MQN).argmax(axis=1).tolist() == [0, 1, 2]
    assert fitted.weight_CM.sum(axis=1) == pytest.approx(np.ones(3))


def test_two_classes_are_one_machine() -> None:
    gram_MNN = np.eye(4)[None]
    fitted = fit_weighed(gram_MNN, np.array([0, 1, 0, 1]), 2, weighing="uniform")
    assert np.sign(fitted.decide(gram_MNN)[:, 0]).tolist() == [-1, 1, -1, 1]


def test_a_matrix_that_no_kernel_made_is_refused() -> None:
    bad = np.stack([np.eye(3), 1 - np.eye(3)])
    with pytest.raises(ValueError, match="positive semi-definite"):
        fit_weighed(bad, np.array([0, 1, 1]), 2)
