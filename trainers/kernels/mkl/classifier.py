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
from trainers.kernels.mkl.weigh import Weighing
from trainers.kernels.mkl.weighed import fit_weighed


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
        machines_: `WeighedMachines`.
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
        fitted = fit_weighed(
            self.family_.grams(x_NF),
            label_N,
            len(self.classes_),
            weighing=self.weighing,
            penalty=self.penalty,
            smoothing=self.smoothing,
            check=False,
        )
        self.machines_, self.weights_ = fitted, fitted.weight_CM
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return `[Q, C]`, how much each class is preferred to the rest; `[Q]` of two classes."""
        check_is_fitted(self)
        x_QF = validate_data(self, X, dtype=np.float64, reset=False)
        score_QC = self.machines_.decide(self.family_.grams(x_QF))
        return score_QC[:, 0] if len(self.classes_) == 2 else score_QC

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the preferred class of each example, `[Q]`."""
        score_QC = self.decision_function(X)
        if score_QC.ndim == 1:
            return self.classes_[(score_QC > 0).astype(int)]
        return self.classes_[score_QC.argmax(axis=1)]
