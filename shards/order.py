"""The order of training as arithmetic: which samples make up the global batch of a step.

A pure function of (seed, epoch, sizes of the shards): nothing to save, nothing that depends on
workers. Resuming at a step is asking for that step.

Shape letters in this file:
    N  samples of the split      S  shards      G  samples of a global batch
"""

from collections.abc import Sequence

import numpy as np

SHARDS_PER_BLOCK = 8
"""Shards whose samples are shuffled together."""

EPOCHS_KEPT = 2
"""Orders in memory: readers ahead of the model are in the next epoch before it is."""


class EpochOrder:
    """Draws the samples of each step without replacement, epoch after epoch.

    Block shuffle: the shards are permuted and dealt into blocks of a few, and samples are
    shuffled within a block, so readers are busy with a few shards at a time. An epoch has
    `num_samples // global_batch` steps; the samples that do not fill another batch are left out
    of it, others in each epoch.

    Args:
        num_samples: Rows of the split.
        global_batch: Samples in a step, over all workers.
        seed: Fixes the order.
        shards: Shard of each row (name or number); without it all rows form one block.
        shards_per_block: Shards whose samples are shuffled together.

    Raises:
        ValueError: If an epoch would have no step.
    """

    def __init__(
        self,
        num_samples: int,
        global_batch: int,
        seed: int,
        *,
        shards: Sequence[object] | np.ndarray | None = None,
        shards_per_block: int = SHARDS_PER_BLOCK,
    ) -> None:
        if num_samples < global_batch:
            raise ValueError(
                f"the split must hold at least one global batch, got {num_samples} samples for "
                f"training.global_batch {global_batch}; lower training.global_batch or add videos"
            )
        self.num_samples = num_samples
        self.global_batch = global_batch
        self.seed = seed
        self.shards_per_block = shards_per_block
        self.steps_per_epoch = num_samples // global_batch
        names = np.zeros(num_samples, np.int64) if shards is None else np.asarray(shards)
        if names.shape != (num_samples,):
            raise ValueError(
                f"shards must name one shard a sample, got {names.shape} for {num_samples} samples"
            )
        unique_S, self._shard_of_N = np.unique(names, return_inverse=True)
        self._num_shards = len(unique_S)
        self._epochs: dict[int, np.ndarray] = {}

    def batch(self, step: int) -> tuple[int, np.ndarray]:
        """Return the epoch of a step and the rows of its global batch, int64 (G,).

        Row `i` of the batch stands at position `position(step) + i` of the epoch. Steps count
        from 0.
        """
        epoch, start = step // self.steps_per_epoch, self.position(step)
        return epoch, self._order(epoch)[start : start + self.global_batch].copy()

    def position(self, step: int) -> int:
        """Return the place in its epoch of the first sample of a step."""
        if step < 0:
            raise ValueError(f"steps count from 0, got {step}")
        return step % self.steps_per_epoch * self.global_batch

    def _order(self, epoch: int) -> np.ndarray:
        order_N = self._epochs.get(epoch)
        if order_N is None:
            order_N = self._draw(epoch)
            self._epochs = {**dict(list(self._epochs.items())[1 - EPOCHS_KEPT :]), epoch: order_N}
        return order_N

    def _draw(self, epoch: int) -> np.ndarray:
        # Sorting raw words of the bit generator, not Generator.permutation: numpy promises the
        # former to stay the same in later versions.
        words = np.random.Philox(np.random.SeedSequence([self.seed, epoch]))
        shuffled_S = np.argsort(words.random_raw(self._num_shards), kind="stable")
        block_S = np.empty(self._num_shards, np.int64)
        block_S[shuffled_S] = np.arange(self._num_shards) // self.shards_per_block
        return np.lexsort((words.random_raw(self.num_samples), block_S[self._shard_of_N]))
