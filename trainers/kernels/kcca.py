"""Kernel CCA: directions along which several views of the same examples agree.

Dual, regularised, for two views or more (Hardoon, Szedmak and Shawe-Taylor 2004; more views as in
Kettenring's sum of correlations). With centred Gram matrices K_v of n examples and a shrinkage c:

    max  sum over v != w of a_v' K_v K_w a_w / (n - 1)
    where  sum over v of a_v' [(1 - c) K_v^2 / (n - 1) + c K_v] a_v = number of views

Each K_v = U diag(s) U' is cut to the eigenvalues that are more than rounding, so the problem
becomes that of one symmetric matrix whose blocks are U_v' U_w, scaled on both sides.

Shape letters in this file:
    N  training examples        Q  other examples        F  columns of all views
    V  views                    D  components            R  rank of a view
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.preprocessing import KernelCenterer
from sklearn.utils.validation import check_is_fitted, validate_data

from trainers.kernels.vectors import VectorKernel, vector_kernel
from trainers.kernels.views import split_views, view_widths


class KernelCca(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Projects views to where they agree; scikit-learn's conventions.

    The views are blocks of columns of one matrix, so that pipelines and cross-validation work.

    Args:
        n_components: Directions that are kept, those of the largest `correlations_` first.
        views: Columns of each view in order; None takes the columns' two halves.
        kernel: `linear`, `polynomial` or `rbf`.
        gamma: Factor in the kernel (of the dot product or the squared distance), one for all
            views or one each; None takes each view's `median_gamma`.
        degree: Of the polynomial.
        offset: Of the polynomial.
        shrinkage: From 0, correlation alone, to 1, covariance. At 0 nearly any two views agree
            wholly on the training examples, and `fit` warns.

    Attributes:
        correlations_: `[D]`, what the regularised problem reaches in each direction, from 1 down;
            for more than two views their mean over pairs.
        duals_: One `[N, D]` a view.
        gammas_: What is used in each view.
        x_fit_: The training examples.
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        views: Sequence[int] | None = None,
        kernel: VectorKernel = "rbf",
        gamma: float | Sequence[float] | None = None,
        degree: int = 2,
        offset: float = 1.0,
        shrinkage: float = 0.1,
    ) -> None:
        self.n_components = n_components
        self.views = views
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.offset = offset
        self.shrinkage = shrinkage

    def fit(self, X: np.ndarray, y: object = None) -> Self:
        """Find the directions of `X`, `[N, F]`; `y` is not read.

        Raises:
            ValueError: A setting is out of its range, the views' columns are not those of `X`,
                or there are fewer directions than components.
        """
        if not 0 <= self.shrinkage <= 1:
            raise ValueError(f"shrinkage must be in 0..1, got {self.shrinkage}")
        if self.shrinkage == 0:
            warnings.warn(
                "shrinkage 0: kernel views of full rank agree wholly on any training examples",
                stacklevel=2,
            )
        x_NF = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        self.widths_ = view_widths(self.views, x_NF.shape[1])
        self.x_fit_ = x_NF
        parts = split_views(x_NF, self.widths_)
        self.kernels_ = [
            vector_kernel(self.kernel, x_NF, gamma, self.degree, self.offset)
            for x_NF, gamma in zip(parts, self._gammas(), strict=True)
        ]
        self.gammas_ = [kernel.gamma for kernel in self.kernels_]
        grams = [kernel(x_NF, x_NF) for kernel, x_NF in zip(self.kernels_, parts, strict=True)]
        self.centerers_ = [KernelCenterer().fit(gram_NN) for gram_NN in grams]
        centred = [c.transform(gram) for c, gram in zip(self.centerers_, grams, strict=True)]
        self.correlations_, self.duals_ = solve_kcca(centred, self.n_components, self.shrinkage)
        self._n_features_out = len(parts) * self.n_components
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scores of all views side by side, `[Q, V * D]`."""
        check_is_fitted(self)
        x_QF = validate_data(self, X, dtype=np.float64, reset=False)
        parts = split_views(x_QF, self.widths_)
        return np.concatenate([self._scores(v, part) for v, part in enumerate(parts)], axis=1)

    def transform_view(self, view: int, x_QF: np.ndarray) -> np.ndarray:
        """Return the scores `[Q, D]` of one view alone, from its own columns.

        Raises:
            ValueError: There is no such view, or it has other columns.
        """
        check_is_fitted(self)
        if not 0 <= view < len(self.widths_):
            raise ValueError(f"view must be in 0..{len(self.widths_) - 1}, got {view}")
        x_QF = np.asarray(x_QF, dtype=np.float64)
        if x_QF.ndim != 2 or x_QF.shape[1] != self.widths_[view]:
            raise ValueError(
                f"view {view} must have {self.widths_[view]} columns, got {x_QF.shape}"
            )
        return self._scores(view, x_QF)

    def _scores(self, view: int, x_QF: np.ndarray) -> np.ndarray:
        fitted_NF = split_views(self.x_fit_, self.widths_)[view]
        gram_QN = self.kernels_[view](x_QF, fitted_NF)
        return self.centerers_[view].transform(gram_QN) @ self.duals_[view]

    def _gammas(self) -> list[float | None]:
        num_views = len(self.widths_)
        if self.gamma is None or isinstance(self.gamma, int | float):
            return [self.gamma] * num_views
        if len(self.gamma) != num_views:
            raise ValueError(f"gamma must be one a view, {num_views}, got {len(self.gamma)}")
        return list(self.gamma)


@dataclass(frozen=True, slots=True)
class _View:
    """A view in the coordinates in which its constraint is the unit matrix."""

    basis_NR: np.ndarray
    dual_NR: np.ndarray
    """Takes coordinates to dual coefficients."""


def solve_kcca(
    gram_VNN: Sequence[np.ndarray], num_components: int, shrinkage: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return correlations `[D]` and dual coefficients `[N, D]` of each view.

    Signs are such that each direction's largest coefficient of the first view is positive.

    Args:
        gram_VNN: Centred Gram matrices of two views or more.
        num_components: Directions to keep.
        shrinkage: c of the module's equations.

    Raises:
        ValueError: There are fewer than two views, or fewer directions than components.
    """
    if len(gram_VNN) < 2:
        raise ValueError(f"there must be two views or more, got {len(gram_VNN)}")
    views = [_whitened(gram_NN, shrinkage) for gram_NN in gram_VNN]
    ranks = [view.basis_NR.shape[1] for view in views]
    if not 1 <= num_components <= min(ranks):
        raise ValueError(
            f"n_components must be in 1..{min(ranks)}, the least rank of a view, "
            f"got {num_components}"
        )
    if len(views) == 2:
        left_RR, value_R, right_RR = np.linalg.svd(
            views[0].basis_NR.T @ views[1].basis_NR, full_matrices=False
        )
        value_D = value_R[:num_components]
        weights = [left_RR[:, :num_components], right_RR[:num_components].T]
    else:
        value_D, weights = _several(views, num_components)
    duals = [view.dual_NR @ w_RD for view, w_RD in zip(views, weights, strict=True)]
    first_D = np.abs(duals[0]).argmax(axis=0)
    sign_D = np.sign(duals[0][first_D, np.arange(num_components)])
    return value_D, [dual_ND * sign_D for dual_ND in duals]


def _whitened(gram_NN: np.ndarray, shrinkage: float) -> _View:
    num = len(gram_NN)
    size_N, axis_NN = np.linalg.eigh((gram_NN + gram_NN.T) / 2)
    kept_N = size_N > max(size_N[-1], 0.0) * num * np.finfo(np.float64).eps
    size_R, axis_NR = size_N[kept_N], axis_NN[:, kept_N]
    penalty_R = (1 - shrinkage) * size_R / (num - 1) + shrinkage
    basis_NR = axis_NR * np.sqrt(size_R / penalty_R / (num - 1))
    return _View(basis_NR, axis_NR / np.sqrt(size_R * penalty_R))


def _several(views: Sequence[_View], num_components: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Solve for more than two views: the leading eigenvectors of all pairs' blocks at once."""
    edges = np.cumsum([0, *(view.basis_NR.shape[1] for view in views)])
    all_NR = np.concatenate([view.basis_NR for view in views], axis=1)
    between_RR = all_NR.T @ all_NR
    for begin, end in pairwise(edges):
        between_RR[begin:end, begin:end] = 0.0
    last = len(between_RR) - 1
    solved = eigh(between_RR, subset_by_index=[last - num_components + 1, last])
    value_D = np.asarray(solved[0])[::-1]
    weight_RD = np.asarray(solved[1])[:, ::-1] * np.sqrt(len(views))
    parts = [weight_RD[begin:end] for begin, end in pairwise(edges)]
    return value_D / (len(views) - 1), parts
