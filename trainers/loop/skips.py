"""Steps that are skipped because their loss or gradient is no number, and when that is fatal.

One bad step leaves no trace in the weights. Many in a row mean that the weights themselves are bad,
and no later step will mend them.
"""

import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)


class NonFiniteLoss(RuntimeError):  # noqa: N818 - it names a state
    """Loss or gradient is not a number, too often; the weights were not touched."""


class Skips:
    """Counts skipped steps. Every worker sees the same steps, so all count the same.

    Attributes:
        in_a_row: Skipped steps since the last one that was done; part of a checkpoint.
    """

    def __init__(self, max_in_a_row: int) -> None:
        self.in_a_row = 0
        self._max = max_in_a_row

    def reset(self) -> None:
        """Note a step that was done."""
        self.in_a_row = 0

    def add(self, step: int, reason: str, rows: Sequence[int]) -> None:
        """Note a step that must be skipped.

        Args:
            step: Number of the step, from 1.
            reason: What is not finite.
            rows: Rows of the corpus to suspect.

        Raises:
            NonFiniteLoss: If the steps before it were skipped too, as many as may be.
        """
        self.in_a_row += 1
        named = ", ".join(map(str, rows))
        if self.in_a_row <= self._max:
            logger.warning("step %d is skipped: %s; rows of the corpus: %s", step, reason, named)
            return
        raise NonFiniteLoss(
            f"step {step}: loss and gradient must be finite, got {reason}, step {self.in_a_row} "
            f"in a row (training.max_skipped = {self._max}); a lower training.lr or a "
            f"training.grad_clip may help, from a checkpoint before. Rows of the corpus: {named}"
        )
