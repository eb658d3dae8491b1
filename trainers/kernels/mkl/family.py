"""The kernels that are weighed: the same few of every view.

Shape letters in this file:
    M  kernels        N  training examples        Q  other examples        F  columns of all views
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainers.kernels.gram import cosine
from trainers.kernels.vectors import Kernel, Products, median_gamma
from trainers.kernels.views import split_views, view_widths


@dataclass(frozen=True, slots=True)
class Member:
    """One kernel of the family: of which view, and which."""

    view: int
    kernel: Kernel

    def __str__(self) -> str:
        match self.kernel.name:
            case "rbf":
                return f"view {self.view}, rbf of gamma {self.kernel.gamma:.3g}"
            case "polynomial":
                return f"view {self.view}, polynomial of degree {self.kernel.degree}"
        return f"view {self.view}, {self.kernel.name}"


class KernelFamily:
    """Kernels of length one between any examples and the training examples."""

    def __init__(
        self,
        x_NF: np.ndarray,
        views: Sequence[int] | None,
        gammas: Sequence[float],
        degrees: Sequence[int],
    ) -> None:
        """Set up the kernels of all views, by the distances of the training examples.

        Args:
            x_NF: Training examples.
            views: Columns of each view in order; None is one view of all columns.
            gammas: Of the radial kernels, as shares of each view's `median_gamma`.
            degrees: Of the polynomial kernels; 1 is the linear one.

        Raises:
            ValueError: There is no kernel, or the views' columns are not those of the examples.
        """
        if not len(gammas) and not len(degrees):
            raise ValueError("there must be a kernel, got neither gammas nor degrees")
        self._widths = [x_NF.shape[1]] if views is None else view_widths(views, x_NF.shape[1])
        self._fitted = split_views(x_NF, self._widths)
        self.members: list[Member] = []
        for view, part_NF in enumerate(self._fitted):
            gamma = median_gamma(part_NF)
            kernels = [Kernel("rbf", share * gamma) for share in gammas]
            kernels += [
                Kernel("linear", 1.0) if degree == 1 else Kernel("polynomial", gamma, degree)
                for degree in degrees
            ]
            self.members += [Member(view, kernel) for kernel in kernels]

    def grams(self, x_QF: np.ndarray) -> np.ndarray:
        """Return all kernels between examples and the training examples, `[M, Q, N]`."""
        parts = split_views(x_QF, self._widths)
        products = [Products.of(x_QF, x_NF) for x_QF, x_NF in zip(parts, self._fitted, strict=True)]
        gram_MQN = np.empty((len(self.members), len(x_QF), len(self._fitted[0])))
        for gram_QN, member in zip(gram_MQN, self.members, strict=True):
            shared, kernel = products[member.view], member.kernel
            own_Q, own_N = kernel.own(shared.square_Q), kernel.own(shared.square_N)
            gram_QN[:] = cosine(kernel.of(shared), own_Q, own_N)
        return gram_MQN
