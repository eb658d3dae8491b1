"""Kernels of vectors: linear, polynomial and radial.

Shape letters in this file:
    Q  queries        N  examples        F  width of a vector
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

VectorKernel = Literal["linear", "polynomial", "rbf"]

_ROUNDING = 1e-13
"""Of a squared distance, as a share of the squared lengths that it is worked out from."""


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
    return np.exp(-gamma * _square_distances(Products.of(query_QF, example_NF)))


def median_gamma(example_NF: np.ndarray) -> float:
    """Return the gamma under which the median pair of different examples is at `exp(-1)`.

    Examples that are all equal, or a single one, have no distance: 1.
    """
    square_NN = _square_distances(Products.of(example_NF, example_NF))
    square_P = square_NN[np.triu_indices(len(example_NF), 1)]
    apart_P = square_P[square_P > 0]
    return 1.0 / float(np.median(apart_P)) if apart_P.size else 1.0


@dataclass(frozen=True, slots=True)
class Products:
    """All that these kernels ask of two sets of vectors, worked out once for several kernels."""

    dot_QN: np.ndarray
    square_Q: np.ndarray
    """Squared lengths of the queries."""

    square_N: np.ndarray

    @classmethod
    def of(cls, query_QF: np.ndarray, example_NF: np.ndarray) -> "Products":
        """Multiply them."""
        squares = (np.einsum("nf,nf->n", x_NF, x_NF) for x_NF in (query_QF, example_NF))
        return cls(query_QF @ example_NF.T, *squares)


def _square_distances(products: Products) -> np.ndarray:
    # |x - y|^2 = |x|^2 - 2 <x, y> + |y|^2 is one matrix product. What is less than its rounding is
    # nothing, so that equal vectors are at no distance.
    total_QN = products.square_Q[:, None] + products.square_N
    apart_QN = total_QN - 2 * products.dot_QN
    return np.where(apart_QN > _ROUNDING * total_QN, apart_QN, 0.0)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of vectors with its settings, called on queries and examples."""

    name: VectorKernel
    gamma: float
    """Factor of the dot product or of the squared distance; not read by `linear`."""

    degree: int = 2
    offset: float = 1.0

    def __call__(self, query_QF: np.ndarray, example_NF: np.ndarray) -> np.ndarray:
        """Return the kernel, `[Q, N]`."""
        return self.of(Products.of(query_QF, example_NF))

    def of(self, products: Products) -> np.ndarray:
        """Return the kernel from products that other kernels share, `[Q, N]`."""
        match self.name:
            case "linear":
                return products.dot_QN
            case "polynomial":
                return (self.gamma * products.dot_QN + self.offset) ** self.degree
            case "rbf":
                return np.exp(-self.gamma * _square_distances(products))
            case _:
                raise ValueError(f"kernel must be linear, polynomial or rbf, got {self.name!r}")

    def own(self, square_N: np.ndarray) -> np.ndarray:
        """Return the kernel of examples with themselves, `[N]`, from their squared lengths."""
        match self.name:
            case "linear":
                return square_N
            case "polynomial":
                return (self.gamma * square_N + self.offset) ** self.degree
            case _:
                return np.ones_like(square_N)


def vector_kernel(
    name: VectorKernel, example_NF: np.ndarray, gamma: float | None, degree: int, offset: float
) -> Kernel:
    """Return a kernel for these training examples, by whose distances a gamma of None is set."""
    return Kernel(name, median_gamma(example_NF) if gamma is None else gamma, degree, offset)
