"""Support vector machines on Gram matrices, one class against the rest.

Shape letters in this file:
    N  training examples        Q  queries        C  classes, 1 where there are two
"""

from dataclasses import dataclass

import numpy as np

EXACT = 1e-9
"""The solver's tolerance where its dual coefficients themselves are what is wanted."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A solved machine."""

    dual_N: np.ndarray
    """Lagrange multipliers times the signs of the labels."""

    offset: float

    objective: float
    """The dual's value: the sum of the multipliers less half of `dual' K dual`."""

    def decide(self, gram_QN: np.ndarray) -> np.ndarray:
        """Return how far queries are on the positive side, `[Q]`."""
        return gram_QN @ self.dual_N + self.offset


def signs(label_N: np.ndarray, num_classes: int) -> np.ndarray:
    """Return +1 where an example has the class and -1 elsewhere, `[C, N]`.

    Two classes are one question: is it the second?
    """
    asked = range(1, 2) if num_classes == 2 else range(num_classes)
    return np.stack([np.where(label_N == number, 1.0, -1.0) for number in asked])


def solve(
    gram_NN: np.ndarray, sign_N: np.ndarray, penalty: float, tolerance: float = 1e-4
) -> Machine:
    """Train a machine with the soft margin's `penalty` on a Gram matrix.

    Raises:
        ValueError: All labels are the same.
    """
    from sklearn.svm import SVC

    solver = SVC(C=penalty, kernel="precomputed", tol=tolerance, cache_size=500)
    solver.fit(gram_NN, sign_N)
    dual_N = np.zeros(len(sign_N))
    dual_N[solver.support_] = solver.dual_coef_[0]
    objective = float(np.abs(dual_N).sum() - dual_N @ gram_NN @ dual_N / 2)
    return Machine(dual_N, float(solver.intercept_[0]), objective)


def combine(gram_MQN: np.ndarray, weight_M: np.ndarray) -> np.ndarray:
    """Return the weighted sum of kernels, `[Q, N]`."""
    return np.einsum("m,mqn->qn", weight_M, gram_MQN, optimize=True)
