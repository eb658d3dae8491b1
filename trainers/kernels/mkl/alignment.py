"""Centred alignment: weigh kernels so that their sum is like the labels' own kernel.

`alignf` of Cortes, Mohri and Rostamizadeh (2012, section 4.2), with weights that are not negative:
the least of `v' M v - 2 v' a` over v >= 0, where M holds the centred kernels' Frobenius products
with one another and a those with the target.

Shape letters in this file:
    M  kernels        N  training examples        C  columns of the target
"""

import numpy as np
from scipy.optimize import nnls
from sklearn.preprocessing import KernelCenterer

_RIDGE = 1e-10
"""Share of M's largest diagonal that is added to it: two kernels may be one."""


def alignment_weights(gram_MNN: np.ndarray, target_CN: np.ndarray) -> np.ndarray:
    """Return the kernels' weights, `[M]`, positive and of sum 1.

    Where no kernel is like the target, all weigh the same.

    Args:
        gram_MNN: Kernels.
        target_CN: Signs of each class, or a score: `target' target` is the kernel aimed at.
    """
    centred_MP = np.stack([KernelCenterer().fit_transform(gram_NN).ravel() for gram_NN in gram_MNN])
    between_MM = centred_MP @ centred_MP.T
    aimed_M = np.einsum(
        "cn,mnk,ck->m", target_CN, centred_MP.reshape(gram_MNN.shape), target_CN, optimize=True
    )
    scale = float(between_MM.diagonal().max(initial=0.0))
    if scale <= 0:
        return np.full(len(gram_MNN), 1 / len(gram_MNN))
    between_MM.flat[:: len(between_MM) + 1] += _RIDGE * scale
    # v' M v - 2 v' a is |L' v - L^-1 a|^2 but for a constant, L the Cholesky factor.
    factor_MM = np.linalg.cholesky(between_MM)
    weight_M, _ = nnls(factor_MM.T, np.linalg.solve(factor_MM, aimed_M))
    total = weight_M.sum()
    return weight_M / total if total > 0 else np.full(len(weight_M), 1 / len(weight_M))


def alignment(gram_NN: np.ndarray, target_CN: np.ndarray) -> float:
    """Return the cosine of a centred kernel and the target's centred kernel, in -1..1."""
    kernel_NN = KernelCenterer().fit_transform(gram_NN)
    aimed_NN = KernelCenterer().fit_transform(target_CN.T @ target_CN)
    size = np.linalg.norm(kernel_NN) * np.linalg.norm(aimed_NN)
    return float((kernel_NN * aimed_NN).sum() / size) if size > 0 else 0.0
