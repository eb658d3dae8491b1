"""Kernel CCA: equal to cca-zoo, centred exactly, and what it is for two linear views."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KernelCenterer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from trainers.kernels.kcca import KernelCca, solve_kcca
from trainers.kernels.vectors import rbf

NUM = 500
RNG = np.random.default_rng(0)


def side_by_side(mfeat: dict[str, np.ndarray], views: tuple[str, ...]) -> np.ndarray:
    return np.concatenate([mfeat[view] for view in views], axis=1)


@pytest.mark.parametrize(
    ("views", "kernel", "gamma", "num"),
    [
        (("fou", "kar"), "rbf", 0.005, NUM),
        (("fou", "kar", "zer"), "rbf", 0.005, 200),
        (("fou", "kar"), "polynomial", 0.01, 200),
    ],
)
def test_r7_correlations_and_scores_are_those_of_cca_zoo(
    mfeat: dict[str, np.ndarray], views: tuple[str, ...], kernel: str, gamma: float, num: int
) -> None:
    reference = pytest.importorskip("cca_zoo.nonparametric").KCCA(
        5, kernel="poly" if kernel == "polynomial" else kernel, gamma=gamma, degree=2, coef0=1.0,
        shrinkage=0.1, center=False,
    )  # fmt: skip
    reference.fit([mfeat[view][:num] for view in views])
    ours = KernelCca(
        5, views=[mfeat[view].shape[1] for view in views], kernel=kernel, gamma=gamma
    ).fit(side_by_side(mfeat, views)[:num])
    for rows in (slice(0, num), slice(num, 2 * num)):
        theirs = reference.transform([mfeat[view][rows] for view in views])
        scores = [ours.transform_view(v, mfeat[view][rows]) for v, view in enumerate(views)]
        sign_D = np.sign((scores[0] * theirs[0]).sum(axis=0))
        for one, other in zip(scores, theirs, strict=True):
            assert np.abs(one * sign_D - other).max() < 1e-6
        for d in range(5):
            correlation = np.corrcoef(scores[0][:, d], scores[1][:, d])[0, 1]
            expected = np.corrcoef(theirs[0][:, d], theirs[1][:, d])[0, 1]
            assert correlation == pytest.approx(expected, abs=1e-6)


def test_r7_training_rows_that_come_back_have_their_training_scores(
    mfeat: dict[str, np.ndarray],
) -> None:
    x_NF = side_by_side(mfeat, ("fou", "kar"))[:NUM]
    model = KernelCca(4, views=(76, 64)).fit(x_NF)
    for view, part in enumerate(np.split(x_NF, [76], axis=1)):
        gram_NN = rbf(part, part, gamma=model.gammas_[view])
        scores_ND = KernelCenterer().fit_transform(gram_NN) @ model.duals_[view]
        assert np.abs(scores_ND.mean(axis=0)).max() < 1e-8
        alone_ND = model.transform_view(view, part[:7])
        assert np.abs(alone_ND - scores_ND[:7]).max() < 1e-8
        assert np.array_equal(model.transform(x_NF[:7])[:, view * 4 : view * 4 + 4], alone_ND)


def test_r7_without_shrinkage_it_warns_and_everything_correlates() -> None:
    noise_NF = RNG.normal(size=(60, 8))
    with pytest.warns(UserWarning, match="agree wholly"):
        model = KernelCca(40, shrinkage=0.0, gamma=0.5).fit(noise_NF)
    assert model.correlations_ == pytest.approx(np.ones(40), abs=1e-6)


def test_its_scores_meet_the_constraint_and_reach_the_correlations() -> None:
    x_NF, shrinkage = RNG.normal(size=(50, 9)), 0.3
    grams = [KernelCenterer().fit_transform(rbf(x, x, gamma=0.2)) for x in np.split(x_NF, 3, 1)]
    value_D, duals = solve_kcca(grams, 4, shrinkage)
    pairs = [(0, 1), (0, 2), (1, 2)]
    met = sum(
        a.T @ ((1 - shrinkage) * gram @ gram / 49 + shrinkage * gram) @ a
        for gram, a in zip(grams, duals, strict=True)
    )
    assert met == pytest.approx(3 * np.eye(4), abs=1e-9)
    reached = sum((grams[v] @ duals[v]).T @ (grams[w] @ duals[w]) / 49 for v, w in pairs) / 3
    assert reached.diagonal() == pytest.approx(value_D, abs=1e-9)
    assert (np.diff(value_D) <= 0).all()


def test_a_shared_curve_is_found_that_linear_views_hide() -> None:
    """One view turns with an angle, the other stretches with its square."""
    angle_N = RNG.uniform(-2, 2, 400)
    noise = RNG.normal(size=(400, 4))
    x_NF = np.stack((angle_N, noise[:, 0], angle_N**2, noise[:, 1]), axis=1)

    def held_out(kernel: str) -> float:
        model = KernelCca(kernel=kernel, shrinkage=0.05).fit(x_NF[:200])
        return abs(np.corrcoef(model.transform(x_NF[200:]).T)[0, 1])

    assert held_out("linear") < 0.3
    assert held_out("rbf") > 0.9


def test_one_views_scores_need_no_other_view() -> None:
    x_NF = RNG.normal(size=(40, 6))
    model = KernelCca(2).fit(x_NF)
    changed = x_NF.copy()
    changed[:, 3:] = RNG.normal(size=(40, 3))
    assert np.array_equal(model.transform(x_NF)[:, :2], model.transform(changed)[:, :2])
    assert np.array_equal(model.transform_view(0, x_NF[:, :3]), model.transform(x_NF)[:, :2])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_the_conventions_of_scikit_learn() -> None:
    results = check_estimator(KernelCca(), on_fail=None)
    wrong = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    assert wrong == []
    pipeline = make_pipeline(StandardScaler(), clone(KernelCca(2, views=(4, 2))))
    x_NF = RNG.normal(size=(30, 6))
    assert pipeline.fit(x_NF).transform(x_NF).shape == (30, 4)
    assert pipeline[-1].get_feature_names_out().tolist() == [f"kernelcca{i}" for i in range(4)]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"shrinkage": 1.5}, "shrinkage must be"),
        ({"n_components": 3, "kernel": "linear"}, "n_components must be in 1..2"),
        ({"views": (3,)}, "two views or more"),
        ({"gamma": [0.1]}, "one a view"),
        ({"kernel": "sigmoid"}, "kernel must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, reason: str) -> None:
    x_NF = RNG.normal(size=(20, 3 if "views" in settings else 4))
    with warnings.catch_warnings(), pytest.raises(ValueError, match=reason):
        KernelCca(**settings).fit(x_NF)


def test_a_view_that_is_not_there_or_has_other_columns_is_refused() -> None:
    model = KernelCca().fit(RNG.normal(size=(20, 4)))
    with pytest.raises(ValueError, match=r"view must be in 0\.\.1"):
        model.transform_view(2, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="must have 2 columns"):
        model.transform_view(0, np.zeros((1, 3)))
