"""Damaged samples: what stands in for one, and how many are too many."""

import logging
from typing import NamedTuple

logger = logging.getLogger(__name__)


class DamagedSample(RuntimeError):  # noqa: N818 - it names a thing, as the reject codes do
    """A sample cannot be read or decoded, or too many of them cannot."""


class Replacement(NamedTuple):
    """A damaged sample and the one that was trained on instead."""

    step: int
    position: int
    """Place in the epoch of its folder."""

    row: int
    replacement: int
    reason: str


class DamageLimit:
    """Counts what was replaced, epoch by epoch, and ends the training where it is too much.

    Args:
        share: Samples of an epoch that may be damaged, `data.max_damaged`.
        num_samples: Samples of an epoch.
        steps_per_epoch: Steps of an epoch.

    Attributes:
        counted: The epoch, and how many were replaced in it so far; part of a checkpoint.
    """

    def __init__(self, share: float, num_samples: int, steps_per_epoch: int) -> None:
        self._limit = int(share * num_samples)
        self._share, self._num_samples = share, num_samples
        self._steps_per_epoch = steps_per_epoch
        self.counted = (0, 0)

    def add(self, step: int, count: int, reason: str = "") -> None:
        """Count samples that were replaced in a step.

        Raises:
            DamagedSample: If more were in this epoch than may be.
        """
        epoch = step // self._steps_per_epoch
        before = self.counted[1] if self.counted[0] == epoch else 0
        total = before + count
        self.counted = (epoch, total)
        if total > self._limit:
            raise DamagedSample(
                f"at most {self._limit} of the {self._num_samples} samples of an epoch may be "
                f"damaged (data.max_damaged {self._share}), got {total} up to step {step + 1}"
                + (f"; the last one: {reason}" if reason else "")
            )
