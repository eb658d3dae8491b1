"""The regression that learns how much each kernel counts."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.utils.estimator_checks import check_estimator

from trainers.kernels.mkl.regressor import MultipleKernelRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6))
Y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("weighing", ["uniform", "alignment"])
def test_it_keeps_the_conventions_of_scikit_learn(weighing: str) -> None:
    results = check_estimator(MultipleKernelRegressor(weighing=weighing), on_fail=None)
    wrong = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    assert wrong == []


def test_a_single_kernel_is_a_ridge_regression() -> None:
    model = MultipleKernelRegressor(gammas=(1.0,), ridge=0.3).fit(X[:80], Y[:80])
    gamma = model.family_.members[0].kernel.gamma
    reference = KernelRidge(alpha=0.3, kernel="rbf", gamma=gamma)
    reference.fit(X[:80], Y[:80] - Y[:80].mean())
    assert model.predict(X[80:]) == pytest.approx(reference.predict(X[80:]) + Y[:80].mean())


def test_alignment_finds_the_view_that_tells_and_so_tells_more() -> None:
    def fit(weighing: str) -> MultipleKernelRegressor:
        return MultipleKernelRegressor(views=(2, 4), weighing=weighing, ridge=0.1).fit(
            X[:80], Y[:80]
        )

    aligned, uniform = fit("alignment"), fit("uniform")
    assert aligned.weights_[:3].sum() > 0.9
    assert aligned.score(X[80:], Y[80:]) > uniform.score(X[80:], Y[80:])


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="ridge must be"):
        MultipleKernelRegressor(ridge=0.0).fit(X, Y)
    with pytest.raises(ValueError, match="weighing must be"):
        MultipleKernelRegressor(weighing="easy").fit(X, Y)
