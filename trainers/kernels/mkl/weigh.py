"""The ways to weigh kernels, by name.

Shape letters in this file:
    M  kernels        N  training examples        C  classes, 1 where there are two
"""

from typing import Literal

import numpy as np

from trainers.kernels.mkl.alignment import alignment_weights
from trainers.kernels.mkl.easy import easy_weights
from trainers.kernels.mkl.simple import simple_weights

Weighing = Literal["uniform", "easy", "simple", "alignment"]


def weigh(
    method: Weighing,
    gram_MNN: np.ndarray,
    sign_CN: np.ndarray,
    *,
    penalty: float,
    smoothing: float,
) -> np.ndarray:
    """Return each class's weights of the kernels, `[C, M]`, of sum 1.

    Args:
        method: `uniform` is what the others must beat; only `easy` differs between classes.
        gram_MNN: Kernels on one scale.
        sign_CN: +1 and -1 for each class.
        penalty: C of SimpleMKL's machines.
        smoothing: Of EasyMKL.

    Raises:
        ValueError: There is no such method.
    """
    match method:
        case "uniform":
            weight_M = np.full(len(gram_MNN), 1 / len(gram_MNN))
        case "easy":
            return easy_weights(gram_MNN, sign_CN, smoothing)
        case "simple":
            weight_M = simple_weights(gram_MNN, sign_CN, penalty).weight_M
        case "alignment":
            weight_M = alignment_weights(gram_MNN, sign_CN)
        case _:
            raise ValueError(f"weighing must be uniform, easy, simple or alignment, got {method!r}")
    return np.tile(weight_M, (len(sign_CN), 1))
