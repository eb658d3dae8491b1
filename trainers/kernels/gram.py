"""Gram matrices: whether a kernel could have made them, and one scale for all.

Shape letters in this file:
    N  examples        Q  queries
"""

import numpy as np

ROUNDING = 1e-8
"""How far below zero an eigenvalue may lie by rounding alone, as a share of the largest."""


def least_eigenvalue(gram_NN: np.ndarray) -> float:
    """Return the least eigenvalue as a share of the largest in size; 0 for a matrix of zeros.

    Raises:
        ValueError: The matrix is not square, not symmetric or not finite.
    """
    gram_NN = np.asarray(gram_NN, dtype=np.float64)
    if gram_NN.ndim != 2 or gram_NN.shape[0] != gram_NN.shape[1]:
        raise ValueError(f"a Gram matrix must be square, got shape {gram_NN.shape}")
    if not np.isfinite(gram_NN).all():
        raise ValueError("a Gram matrix must be finite, got NaN or infinity")
    scale = float(np.abs(gram_NN).max(initial=0.0))
    skew = float(np.abs(gram_NN - gram_NN.T).max(initial=0.0))
    if skew > ROUNDING * scale:
        raise ValueError(f"a Gram matrix must be symmetric, got a difference of {skew:.3g}")
    values_N = np.linalg.eigvalsh(gram_NN)
    largest = float(np.abs(values_N).max(initial=0.0))
    return float(values_N[0]) / largest if largest else 0.0


def check_psd(gram_NN: np.ndarray, rounding: float = ROUNDING) -> None:
    """Raise where no kernel can have made the matrix: Mercer's condition on these examples.

    Raises:
        ValueError: An eigenvalue is negative beyond rounding, or `least_eigenvalue` refuses it.
    """
    least = least_eigenvalue(gram_NN)
    if least < -rounding:
        raise ValueError(
            f"a Gram matrix must be positive semi-definite, got an eigenvalue of {least:.3g} "
            "times the largest"
        )


def cosine(gram_QN: np.ndarray, own_Q: np.ndarray, own_N: np.ndarray) -> np.ndarray:
    """Return the kernel between examples of length one in feature space, `[Q, N]`.

    Args:
        gram_QN: Values of the kernel.
        own_Q: The kernel of each query with itself.
        own_N: The kernel of each example with itself. An example that is nothing (0 with
            itself) stays 0 with all.
    """
    length_QN = np.sqrt(np.maximum(own_Q, 0.0))[:, None] * np.sqrt(np.maximum(own_N, 0.0))
    return np.divide(gram_QN, length_QN, out=np.zeros_like(length_QN), where=length_QN > 0)
