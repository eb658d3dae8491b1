"""EasyMKL: weigh kernels by the margin that each gives the classes (Aiolli and Donini 2015).

Each class against the rest is one problem. On a mean of all kernels and the unit matrix the two
nearest points of the classes' convex hulls are found; a kernel's weight is the squared distance
of those points in its feature space.

Shape letters in this file:
    M  kernels        N  training examples        C  classes, 1 where there are two
"""

import numpy as np

from trainers.kernels.mkl.machine import EXACT, solve

_HARD = 1e7
"""A penalty so large that no example is let into the margin."""


def easy_weights(gram_MNN: np.ndarray, sign_CN: np.ndarray, smoothing: float) -> np.ndarray:
    """Return a class's weights of the kernels, `[C, M]`; each class's are positive and sum to 1.

    Args:
        gram_MNN: Kernels on one scale.
        sign_CN: +1 and -1 for each class.
        smoothing: From 0, margins alone, to 1, distances of the classes' means. At 0 the
            problem may have no solution: classes must be separable.

    Raises:
        ValueError: `smoothing` is not in 0..1.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing must be in 0..1, got {smoothing}")
    mixed_NN = (1 - smoothing) * gram_MNN.sum(axis=0)
    mixed_NN.flat[:: len(mixed_NN) + 1] += smoothing
    return np.stack([_weights(gram_MNN, mixed_NN, sign_N) for sign_N in sign_CN])


def _weights(gram_MNN: np.ndarray, mixed_NN: np.ndarray, sign_N: np.ndarray) -> np.ndarray:
    # The hard margin's dual is the nearest points' problem, up to the size of its solution.
    dual_N = solve(mixed_NN, sign_N, _HARD, EXACT).dual_N
    side_N = np.where(sign_N > 0, dual_N, -dual_N)
    hull_N = np.where(
        sign_N > 0, side_N / side_N[sign_N > 0].sum(), side_N / side_N[sign_N < 0].sum()
    )
    apart_N = hull_N * sign_N
    weight_M = np.einsum("n,mnk,k->m", apart_N, gram_MNN, apart_N, optimize=True)
    weight_M = np.maximum(weight_M, 0.0)
    total = weight_M.sum()
    return weight_M / total if total > 0 else np.full(len(weight_M), 1 / len(weight_M))
