"""Kernels of vectors against scikit-learn's, and what they mean."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from trainers.kernels.gram import check_psd
from trainers.kernels.vectors import Kernel, linear, median_gamma, polynomial, rbf

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(9, 4)), RNG.normal(size=(7, 4))


def test_they_are_those_of_scikit_learn() -> None:
    assert rbf(X, Y, gamma=0.3) == pytest.approx(rbf_kernel(X, Y, gamma=0.3), abs=1e-13)
    ours = polynomial(X, Y, degree=3, scale=0.2, offset=1.5)
    theirs = polynomial_kernel(X, Y, degree=3, gamma=0.2, coef0=1.5)
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert linear(X, Y) == pytest.approx(X @ Y.T)


@pytest.mark.parametrize("name", ["linear", "polynomial", "rbf"])
def test_they_satisfy_mercers_condition(name: str) -> None:
    kernel = Kernel(name, 0.5, degree=3)
    check_psd(kernel(X, X))
    assert kernel.own((X**2).sum(axis=1)) == pytest.approx(kernel(X, X).diagonal(), abs=1e-12)


def test_a_narrow_radial_kernel_knows_each_example_only_itself() -> None:
    """So a weighted vote by it is that of the nearest neighbour."""
    assert rbf(X, X, gamma=1e4) == pytest.approx(np.eye(len(X)), abs=1e-12)
    vote_QN = rbf(Y, X, gamma=40.0)
    distance_QN = np.linalg.norm(Y[:, None] - X, axis=2)
    assert vote_QN.argmax(axis=1).tolist() == distance_QN.argmin(axis=1).tolist()


def test_the_median_gamma_puts_the_median_pair_at_one_over_e() -> None:
    gram_NN = rbf(X, X, gamma=median_gamma(X))
    pairs = gram_NN[np.triu_indices(len(X), 1)]
    assert np.median(-np.log(pairs)) == pytest.approx(1.0)
    for equal in (0.0, 0.1):
        assert median_gamma(np.full((30, 7), equal)) == 1.0


def test_vectors_far_from_nought_keep_their_distances() -> None:
    far = X + 1e3
    assert rbf(far, far, gamma=0.3) == pytest.approx(rbf(X, X, gamma=0.3), abs=1e-7)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rbf(X, Y, gamma=0.0),
        lambda: polynomial(X, Y, degree=0),
        lambda: polynomial(X, Y, offset=-1.0),
        lambda: Kernel("cubic", 1.0)(X, Y),
    ],
)
def test_settings_that_make_no_kernel_are_refused(call) -> None:
    with pytest.raises(ValueError, match="must be"):
        call()
