"""Ridge regression on a weighted sum of kernels of one or several views.

Shape letters in this file:
    M  kernels        N  training examples        Q  other examples        F  columns of all views
"""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from trainers.kernels.mkl.alignment import alignment_weights
from trainers.kernels.mkl.family import KernelFamily
from trainers.kernels.mkl.machine import combine


class MultipleKernelRegressor(RegressorMixin, BaseEstimator):
    """Learns how much each kernel counts, then a ridge regression on their sum.

    Kernels as of `MultipleKernelClassifier`. EasyMKL and SimpleMKL know classes only.

    Args:
        views: Columns of each view in order; None is one view of all columns.
        gammas: Of the radial kernels, as shares of each view's `median_gamma`.
        degrees: Of the polynomial kernels; 1 is the linear one.
        weighing: `uniform` or `alignment`, of the kernels with that of the scores.
        ridge: What is added to the diagonal of the kernels' sum.

    Attributes:
        family_: The kernels, `family_.members` by name.
        weights_: `[M]`, of sum 1.
        duals_: `[N]`, the training examples' coefficients.
        mean_: The scores' mean, from which the regression tells the difference.
    """

    def __init__(
        self,
        *,
        views: Sequence[int] | None = None,
        gammas: Sequence[float] = (0.25, 1.0, 4.0),
        degrees: Sequence[int] = (),
        weighing: Literal["uniform", "alignment"] = "alignment",
        ridge: float = 1.0,
    ) -> None:
        self.views = views
        self.gammas = gammas
        self.degrees = degrees
        self.weighing = weighing
        self.ridge = ridge

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn weights and coefficients from `X`, `[N, F]`, and its scores.

        Raises:
            ValueError: There is no kernel, or a setting is out of its range.
        """
        if not self.ridge > 0:
            raise ValueError(f"ridge must be positive, got {self.ridge}")
        x_NF, y_N = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.family_ = KernelFamily(x_NF, self.views, self.gammas, self.degrees)
        gram_MNN = self.family_.grams(x_NF)
        self.mean_ = float(y_N.mean())
        apart_N = y_N - self.mean_
        match self.weighing:
            case "uniform":
                self.weights_ = np.full(len(gram_MNN), 1 / len(gram_MNN))
            case "alignment":
                self.weights_ = alignment_weights(gram_MNN, apart_N[None])
            case _:
                raise ValueError(f"weighing must be uniform or alignment, got {self.weighing!r}")
        mixed_NN = combine(gram_MNN, self.weights_)
        mixed_NN.flat[:: len(mixed_NN) + 1] += self.ridge
        self.duals_ = np.linalg.solve(mixed_NN, apart_N)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the scores of examples, `[Q]`."""
        check_is_fitted(self)
        x_QF = validate_data(self, X, dtype=np.float64, reset=False)
        return combine(self.family_.grams(x_QF), self.weights_) @ self.duals_ + self.mean_
