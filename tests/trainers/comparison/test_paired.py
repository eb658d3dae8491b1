"""Paired tests, against SciPy and by their properties."""

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from trainers.comparison.paired import bootstrap_interval, compare, mcnemar


def test_mcnemar_is_the_exact_binomial_of_the_examples_on_which_they_differ() -> None:
    own, other = np.array([1] * 9 + [0] * 2 + [1] * 20), np.array([0] * 9 + [1] * 2 + [1] * 20)
    assert mcnemar(own, other) == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert mcnemar(own, own) == 1


def test_the_interval_is_scipys_where_each_example_is_one_position() -> None:
    values = np.random.default_rng(0).normal(0.2, 1, size=300)
    low, high = bootstrap_interval(values, np.arange(300), seed=0)
    expected = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=1
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_positions_of_one_example_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(1).normal(size=20), 10)
    alone = bootstrap_interval(values, np.arange(200), seed=0)
    together = bootstrap_interval(values, np.repeat(np.arange(20), 10), seed=0)
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_the_more_careful_of_the_seeds_gives_p() -> None:
    other = np.zeros((2, 12))
    own = np.stack([np.ones(12), np.r_[np.ones(3), np.zeros(9)]])
    found = compare(own, other, np.arange(12), seed=0)
    assert found.mcnemar_p == pytest.approx(0.25)
    assert found.difference == pytest.approx(0.625)
    assert found.low > 0


def test_errors_have_an_interval_and_no_mcnemar() -> None:
    found = compare(-np.full((1, 4), 0.5), -np.full((1, 4), 0.75), np.arange(4), seed=0)
    assert (found.difference, found.low, found.high, found.mcnemar_p) == (0.25, 0.25, 0.25, None)


def test_gains_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(ValueError, match="same seeds and positions"):
        compare(np.zeros((2, 4)), np.zeros((3, 4)), np.arange(4), seed=0)
