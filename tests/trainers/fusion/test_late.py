"""Late fusion."""

import numpy as np
import pytest

from trainers.fusion.late import (
    learn_weights,
    mean_of_probabilities,
    product_of_probabilities,
    weighted_sum,
)


def random_log_probabilities(seed: int = 0, m: int = 3, n: int = 40, c: int = 4) -> np.ndarray:
    return np.log(np.random.default_rng(seed).dirichlet(np.ones(c), size=(m, n)))


def test_the_mean_is_the_mean_of_probabilities() -> None:
    log_MNC = random_log_probabilities()
    assert np.exp(mean_of_probabilities(log_MNC)) == pytest.approx(np.exp(log_MNC).mean(axis=0))


def test_the_product_is_the_product_brought_to_sum_one() -> None:
    log_MNC = random_log_probabilities()
    product_NC = np.exp(log_MNC).prod(axis=0)
    expected_NC = product_NC / product_NC.sum(axis=1, keepdims=True)
    assert np.exp(product_of_probabilities(log_MNC)) == pytest.approx(expected_NC)


def test_equal_weights_decide_as_the_product_and_a_zero_weight_leaves_a_modality_out() -> None:
    log_MNC = random_log_probabilities()
    equal_NC = weighted_sum(log_MNC, np.full(3, 1 / 3))
    assert np.exp(equal_NC).sum(axis=1) == pytest.approx(np.ones(40))
    assert (equal_NC.argmax(1) == product_of_probabilities(log_MNC).argmax(1)).all()
    assert weighted_sum(log_MNC, np.array([0.0, 1.0, 0.0])) == pytest.approx(log_MNC[1])


def test_learned_weights_are_the_best_on_the_simplex() -> None:
    log_MNC = random_log_probabilities()
    label_N = np.random.default_rng(1).integers(0, 4, 40)
    best_M = learn_weights(log_MNC, label_N)
    assert best_M.sum() == pytest.approx(1)
    assert (best_M >= 0).all()

    def likelihood(weight_M: np.ndarray) -> float:
        return weighted_sum(log_MNC, weight_M)[np.arange(40), label_N].sum()

    others = np.random.default_rng(2).dirichlet(np.ones(3), size=300)
    assert likelihood(best_M) >= max(map(likelihood, others)) - 1e-4


def test_a_modality_that_knows_gets_the_weight() -> None:
    label_N = np.arange(40) % 4
    log_MNC = random_log_probabilities()
    log_MNC[1] = np.log(np.where(np.eye(4)[label_N] == 1, 0.97, 0.01))
    assert learn_weights(log_MNC, label_N)[1] > 0.95


def test_modalities_that_each_know_a_part_all_keep_weight() -> None:
    label_N = np.arange(40) % 8
    bits_MN = np.stack([label_N >> bit & 1 for bit in range(3)])
    possible_MNC = (
        bits_MN[:, :, None] == np.stack([np.arange(8) >> bit & 1 for bit in range(3)])[:, None, :]
    )
    log_MNC = np.log(np.where(possible_MNC, 0.24, 0.01))
    assert learn_weights(log_MNC, label_N) == pytest.approx([1 / 3] * 3, abs=0.01)
