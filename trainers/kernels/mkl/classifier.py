"""A classifier on a weighted sum of kernels of one or several views; scikit-learn's conventions.

Shape letters in this file:
    M  kernels        N  training examples        Q  other examples
    F  columns of all views        C  classes
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from trainers.kernels.mkl.family import KernelFamily
from trainers.kernels.mkl.machine import combine, signs, solve
from trainers.kernels.mkl.weigh import Weighing, weigh


class MultipleKernelClassifier(ClassifierMixin, BaseEstimator):
    """Learns how much each kernel counts, then support vector machines on their sum.

    Every view, a block of columns, has the same family of kernels; each kernel is brought to
    length one. Columns are taken as they are: standardise them before where units differ.

    Args:
        views: Columns of each view in order; None is one view of all columns.
        gammas: Of the radial kernels, as shares of each view's `median_gamma`.
        degrees: Of the polynomial kernels; 1 is the linear one.
        weighing: `uniform`, `easy`, `simple` or `alignment`.
        penalty: C of the machines.
        smoothing: Of EasyMKL.

    Attributes:
        classes_: The labels.
        family_: The kernels, `family_.members` by name.
        weights_: `[C, M]`, each row of sum 1; a single row where there are two classes.
        machines_: One a class, a single one where there are two.
    """

    def __init__(
        self,
        *,
        views: Sequence[int] | None = None,
        gammas: Sequence[float] = (0.25, 1.0, 4.0),
        degrees: Sequence[int] = (),
        weighing: Weighing = "easy",
        penalty: float = 10.0,
        smoothing: float = 0.1,
    ) -> None:
        self.views = views
        self.gammas = gammas
        self.degrees = degrees
        self.weighing = weighing
        self.penalty = penalty
        self.smoothing = smoothing

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn weights and machines from `X`, `[N, F]`, and its labels.

        Raises:
            ValueError: There is one class only, there is no kernel, or a setting is out of
                its range.
        """
        x_NF, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, label_N = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"there must be two classes or more, got {len(self.classes_)} class")
        self.family_ = KernelFamily(x_NF, self.views, self.gammas, self.degrees)
        gram_MNN = self.family_.grams(x_NF)
        sign_CN = signs(label_N, len(self.classes_))
        self.weights_ = weigh(
            self.weighing, gram_MNN, sign_CN, penalty=self.penalty, smoothing=self.smoothing
        )
        self.machines_ = [
            solve(combine(gram_MNN, weight_M), sign_N, self.penalty)
            for weight_M, sign_N in zip(self.weights_, sign_CN, strict=True)
        ]
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return `[Q, C]`, how much each class is preferred to the rest; `[Q]` of two classes."""
        check_is_fitted(self)
        x_QF = validate_data(self, X, dtype=np.float64, reset=False)
        gram_MQN = self.family_.grams(x_QF)
        score_CQ = [
            machine.decide(combine(gram_MQN, weight_M))
            for machine, weight_M in zip(self.machines_, self.weights_, strict=True)
        ]
        return score_CQ[0] if len(self.classes_) == 2 else np.stack(score_CQ, axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the preferred class of each example, `[Q]`."""
        score_QC = self.decision_function(X)
        if score_QC.ndim == 1:
            return self.classes_[(score_QC > 0).astype(int)]
        return self.classes_[score_QC.argmax(axis=1)]
