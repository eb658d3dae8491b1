"""The classifier that learns how much each kernel counts."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from trainers.kernels.mkl.classifier import MultipleKernelClassifier

RNG = np.random.default_rng(0)


def two_views(num: int) -> tuple[np.ndarray, np.ndarray]:
    """The label is the sign of a product in the first view; the second is noise."""
    x_NF = RNG.normal(size=(num, 6))
    return x_NF, (x_NF[:, 0] * x_NF[:, 1] > 0).astype(int)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("weighing", ["uniform", "easy", "simple", "alignment"])
def test_it_keeps_the_conventions_of_scikit_learn(weighing: str) -> None:
    results = check_estimator(MultipleKernelClassifier(weighing=weighing), on_fail=None)
    wrong = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    assert wrong == []


@pytest.mark.parametrize("weighing", ["easy", "simple", "alignment"])
def test_it_gives_a_view_of_noise_less_than_the_view_that_tells(weighing: str) -> None:
    x_NF, label_N = two_views(200)
    model = MultipleKernelClassifier(views=(2, 4), weighing=weighing).fit(x_NF, label_N)
    told = sum(
        w for w, m in zip(model.weights_[0], model.family_.members, strict=True) if m.view == 0
    )
    assert told > 0.6
    assert model.score(*two_views(200)) > 0.8


def test_a_single_kernel_is_a_support_vector_machine() -> None:
    x_NF, label_N = RNG.normal(size=(90, 4)), RNG.integers(0, 3, 90)
    model = MultipleKernelClassifier(gammas=(1.0,), penalty=2.0).fit(x_NF, label_N)
    gamma = model.family_.members[0].kernel.gamma
    for number in range(3):
        reference = SVC(C=2.0, gamma=gamma, tol=1e-6).fit(x_NF, label_N == number)
        ours = model.decision_function(x_NF)[:, number]
        assert ours == pytest.approx(reference.decision_function(x_NF), abs=2e-3)


def test_polynomials_join_the_family_and_every_kernel_has_length_one() -> None:
    x_NF, label_N = two_views(40)
    model = MultipleKernelClassifier(views=(2, 4), gammas=(1.0,), degrees=(1, 3))
    model.fit(x_NF, label_N)
    assert [str(member).split(" of ")[0] for member in model.family_.members] == [
        "view 0, rbf", "view 0, linear", "view 0, polynomial",
        "view 1, rbf", "view 1, linear", "view 1, polynomial",
    ]  # fmt: skip
    gram_MNN = model.family_.grams(x_NF)
    assert gram_MNN.diagonal(axis1=1, axis2=2) == pytest.approx(np.ones((6, 40)))


def test_settings_are_found_by_cross_validation_as_any_estimators() -> None:
    x_NF, label_N = two_views(60)
    search = GridSearchCV(
        MultipleKernelClassifier(views=(2, 4)), {"penalty": [0.1, 10.0]}, cv=2
    ).fit(x_NF, label_N)
    assert search.best_params_["penalty"] in (0.1, 10.0)


def test_one_class_or_no_kernel_is_refused() -> None:
    x_NF, label_N = two_views(20)
    with pytest.raises(ValueError, match="two classes or more"):
        MultipleKernelClassifier().fit(x_NF, np.zeros(20))
    with pytest.raises(ValueError, match="must be a kernel"):
        MultipleKernelClassifier(gammas=()).fit(x_NF, label_N)
