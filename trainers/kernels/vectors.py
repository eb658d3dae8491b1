"""Kernels of vectors: linear, polynomial and radial.

Shape letters in this file:
    Q  queries        N  examples        F  width of a vector
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.distance import cdist, pdist

VectorKernel = Literal["linear", "polynomial", "rbf"]


def linear(query_QF: np.ndarray, example_NF: np.ndarray) -> np.ndarray:
    """Return the dot products, `[Q, N]`."""
    return query_QF @ example_NF.T


def polynomial(
    query_QF: np.ndarray,
    example_NF: np.ndarray,
    *,
    degree: int = 2,
    scale: float = 1.0,
    offset: float = 1.0,
) -> np.ndarray:
    """Return `(scale <x, y> + offset) ^ degree`, `[Q, N]`.

    Raises:
        ValueError: The degree is below 1, or scale or offset is negative: no kernel then.
    """
    if degree < 1:
        raise ValueError(f"degree must be at least 1, got {degree}")
    if scale <= 0 or offset < 0:
        raise ValueError(f"scale and offset must be positive, got {scale} and {offset}")
    return (scale * linear(query_QF, example_NF) + offset) ** degree


def rbf(query_QF: np.ndarray, example_NF: np.ndarray, *, gamma: float) -> np.ndarray:
    """Return `exp(-gamma |x - y|^2)`, `[Q, N]`; gamma is `1 / (2 s^2)` of a width s.

    The narrower the kernel, the more alone each example: the Gram matrix goes to the unit
    matrix, and a decision by it to that of the nearest example.

    Raises:
        ValueError: Gamma is not positive.
    """
    if not gamma > 0:
        raise ValueError(f"gamma must be positive, got {gamma}")
    return np.exp(-gamma * cdist(query_QF, example_NF, "sqeuclidean"))


def median_gamma(example_NF: np.ndarray) -> float:
    """Return the gamma under which the median pair of different examples is at `exp(-1)`.

    Examples that are all equal, or a single one, have no distance: 1.
    """
    square_P = pdist(example_NF, "sqeuclidean")
    apart_P = square_P[square_P > 0]
    return 1.0 / float(np.median(apart_P)) if apart_P.size else 1.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of vectors with its settings, called on queries and examples."""

    name: VectorKernel
    gamma: float
    """Factor of the dot product or of the squared distance; not read by `linear`."""

    degree: int = 2
    offset: float = 1.0

    def __call__(self, query_QF: np.ndarray, example_NF: np.ndarray) -> np.ndarray:
        match self.name:
            case "linear":
                return linear(query_QF, example_NF)
            case "polynomial":
                return polynomial(
                    query_QF,
                    example_NF,
                    degree=self.degree,
                    scale=self.gamma,
                    offset=self.offset,
                )
            case "rbf":
                return rbf(query_QF, example_NF, gamma=self.gamma)
            case _:
                raise ValueError(f"kernel must be linear, polynomial or rbf, got {self.name!r}")

    def own(self, example_NF: np.ndarray) -> np.ndarray:
        """Return each example's kernel with itself, `[N]`."""
        if self.name == "rbf":
            return np.ones(len(example_NF))
        square_N = np.einsum("nf,nf->n", example_NF, example_NF)
        if self.name == "linear":
            return square_N
        return (self.gamma * square_N + self.offset) ** self.degree


def vector_kernel(
    name: VectorKernel, example_NF: np.ndarray, gamma: float | None, degree: int, offset: float
) -> Kernel:
    """Return a kernel for these training examples, by whose distances a gamma of None is set."""
    return Kernel(name, median_gamma(example_NF) if gamma is None else gamma, degree, offset)
