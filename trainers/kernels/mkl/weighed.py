"""Machines on a weighted sum of any kernels, given as Gram matrices.

For kernels of strings, histograms or sets, which no table of columns holds. Of vectors,
`MultipleKernelClassifier` makes the matrices itself.

Shape letters in this file:
    M  kernels        N  training examples        Q  other examples
    C  classes, 1 where there are two
"""

from dataclasses import dataclass

import numpy as np

from trainers.kernels.gram import check_psd
from trainers.kernels.mkl.machine import Machine, combine, signs, solve
from trainers.kernels.mkl.weigh import Weighing, weigh


@dataclass(frozen=True, slots=True)
class WeighedMachines:
    """One machine a class, a single one where there are two, with the weights of its kernels."""

    weight_CM: np.ndarray
    machines: list[Machine]

    def decide(self, gram_MQN: np.ndarray) -> np.ndarray:
        """Return how much each class is preferred to the rest, `[Q, C]`."""
        dual_NC = np.stack([machine.dual_N for machine in self.machines], axis=1)
        score_QC = np.array([machine.offset for machine in self.machines])
        for gram_QN, weight_C in zip(gram_MQN, self.weight_CM.T, strict=True):
            score_QC = score_QC + gram_QN @ (dual_NC * weight_C)
        return score_QC


def fit_weighed(
    gram_MNN: np.ndarray,
    label_N: np.ndarray,
    num_classes: int,
    *,
    weighing: Weighing = "easy",
    penalty: float = 10.0,
    smoothing: float = 0.1,
    check: bool = True,
) -> WeighedMachines:
    """Weigh the kernels and train the machines on their sum.

    Args:
        gram_MNN: Kernels on one scale, as `trainers.kernels.gram.cosine` brings them to.
        label_N: Class numbers.
        num_classes: How many there are.
        weighing: `uniform`, `easy`, `simple` or `alignment`.
        penalty: C of the machines.
        smoothing: Of EasyMKL.
        check: Whether to look at the matrices' eigenvalues; not needed for kernels known as such.

    Raises:
        ValueError: A matrix is no kernel's, or a setting is out of its range.
    """
    for gram_NN in gram_MNN if check else ():
        check_psd(gram_NN)
    sign_CN = signs(label_N, num_classes)
    weight_CM = weigh(weighing, gram_MNN, sign_CN, penalty=penalty, smoothing=smoothing)
    machines = [
        solve(combine(gram_MNN, weight_M), sign_N, penalty)
        for weight_M, sign_N in zip(weight_CM, sign_CN, strict=True)
    ]
    return WeighedMachines(weight_CM, machines)
