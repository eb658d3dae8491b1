"""The order of training as arithmetic: which samples make up the global batch of a step.

A pure function of (seed, epoch, sizes of the shards): nothing to save, nothing that depends on
workers. Resuming at a step is asking for that step: only the blocks that its batch comes from are
drawn, so a seek costs the same in the first step and in the millionth.

Shape letters in this file:
    N  samples of the split    S  shards    K  blocks of an epoch    G  samples of a global batch
    R  samples of one block    V  videos
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

SHARDS_PER_BLOCK = 8
"""Shards whose samples are shuffled together."""

KEPT_BYTES = 64 << 20
"""Drawn blocks, and groups of batches, in memory: more than those that are read ahead."""


class _Epoch(NamedTuple):
    shuffled_S: np.ndarray
    """Shards in the order of this epoch."""

    ends_K: np.ndarray
    """Position behind the last sample of each block."""


class EpochOrder:
    """Draws the samples of each step without replacement, epoch after epoch.

    Block shuffle: the shards are permuted and dealt into blocks of a few, and samples are
    shuffled within a block, so readers are busy with a few shards at a time. An epoch has
    `num_samples // global_batch` steps; the samples that do not fill another batch are left out
    of it, others in each epoch.

    With `videos`, no batch holds two clips of a video: as many neighbouring batches as a video
    has clips at most are filled together, their clips sorted by video and dealt out one by one.

    Args:
        num_samples: Rows of the split.
        global_batch: Samples in a step, over all workers.
        seed: Fixes the order.
        shards: Shard of each row (name or number); without it all rows form one block.
        shards_per_block: Shards whose samples are shuffled together.
        videos: Video of each row (a number), to keep clips of a video apart.

    Raises:
        ValueError: If an epoch would have no step, or a video has more clips than an epoch has
            batches to keep them apart in.
    """

    def __init__(
        self,
        num_samples: int,
        global_batch: int,
        seed: int,
        *,
        shards: Sequence[object] | np.ndarray | None = None,
        shards_per_block: int = SHARDS_PER_BLOCK,
        videos: np.ndarray | None = None,
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
        self._starts_S, self._rows_N = _by_shard(num_samples, shards)
        self._videos_N = videos
        self._dealt = 0 if videos is None else self._most_clips(videos)
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._kept_bytes = 0
        self._epochs: OrderedDict[int, _Epoch] = OrderedDict()

    def batch(self, step: int) -> tuple[int, np.ndarray]:
        """Return the epoch of a step and the rows of its global batch, int64 (G,).

        Row `i` of the batch stands at position `position(step) + i` of the epoch. Steps count
        from 0.
        """
        start = self.position(step)
        epoch, number = divmod(step, self.steps_per_epoch)
        with self._lock:
            if not self._dealt:
                return epoch, self._sequence(epoch, start, start + self.global_batch)
            group = min(number // self._dealt, self.steps_per_epoch // self._dealt - 1)
            dealt = self._keep(("dealt", epoch, group), lambda: self._deal(epoch, group))
            return epoch, dealt[number - group * self._dealt].copy()

    def position(self, step: int) -> int:
        """Return the place in its epoch of the first sample of a step."""
        if step < 0:
            raise ValueError(f"steps count from 0, got {step}")
        return step % self.steps_per_epoch * self.global_batch

    def _sequence(self, epoch: int, start: int, stop: int) -> np.ndarray:
        """Return the rows at positions `[start, stop)` of an epoch, before any are kept apart."""
        ends_K = self._epoch(epoch).ends_K
        parts = []
        for block in range(np.searchsorted(ends_K, start, "right"), len(ends_K)):
            end = int(ends_K[block])
            rows_R = self._keep(("block", epoch, block), lambda k=block: self._block(epoch, k))
            begin = end - len(rows_R)
            parts.append(rows_R[max(0, start - begin) : stop - begin])
            if end >= stop:
                break
        return np.concatenate(parts)

    def _epoch(self, epoch: int) -> _Epoch:
        if epoch not in self._epochs:
            shuffled_S = np.argsort(_words([self.seed, epoch], len(self._starts_S) - 1))
            sizes_S = np.diff(self._starts_S)[shuffled_S]
            first_K = np.arange(0, len(shuffled_S), self.shards_per_block)
            ends_K = np.cumsum(np.add.reduceat(sizes_S, first_K))
            self._epochs[epoch] = _Epoch(shuffled_S, ends_K)
            # Readers ahead of the model are in the next epoch before it is.
            while len(self._epochs) > 2:
                self._epochs.popitem(last=False)
        return self._epochs[epoch]

    def _block(self, epoch: int, block: int) -> np.ndarray:
        first = block * self.shards_per_block
        shards = self._epoch(epoch).shuffled_S[first : first + self.shards_per_block]
        spans = [np.arange(self._starts_S[one], self._starts_S[one + 1]) for one in shards]
        rows_R = np.concatenate(spans)
        # Blocks count from 1: to numpy (seed, epoch, 0) is (seed, epoch), and that is taken.
        rows_R = rows_R[np.argsort(_words([self.seed, epoch, 1 + block], len(rows_R)))]
        return rows_R if self._rows_N is None else self._rows_N[rows_R]

    def _deal(self, epoch: int, group: int) -> np.ndarray:
        """Return the rows of a group of batches, one batch a line: of a video at most one each."""
        assert self._videos_N is not None
        first, last = group * self._dealt, (group + 1) * self._dealt
        if last + self._dealt > self.steps_per_epoch:  # too few are left to make another group
            last = self.steps_per_epoch
        size = self.global_batch
        rows = self._sequence(epoch, first * size, last * size)
        videos_V, video_of_row = np.unique(self._videos_N[rows], return_inverse=True)
        place_V = np.argsort(np.argsort(_words([self.seed, epoch, 1 + group, 1], len(videos_V))))
        by_video = rows[np.argsort(place_V[video_of_row], kind="stable")]
        return by_video.reshape(size, last - first).T

    def _most_clips(self, videos: np.ndarray) -> int:
        """Return the clips of the video that has most of them."""
        most = int(np.unique(videos, return_counts=True)[1].max())
        if most > self.steps_per_epoch:
            raise ValueError(
                "data.one_clip_per_video must have as many batches in an epoch as a video has "
                f"clips, got {self.steps_per_epoch} batches and a video of {most} clips; lower "
                "training.global_batch, or turn it off: clips of one video are no negatives "
                "of each other anyway (objectives.mil_nce.mask_same_video)"
            )
        return most

    def _keep(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        if key not in self._kept:
            self._kept[key] = made = make()
            self._kept_bytes += made.nbytes
            while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
            return made
        self._kept.move_to_end(key)
        return self._kept[key]


def _words(entropy: list[int], count: int) -> np.ndarray:
    """Return random 64-bit words to sort by.

    Raw words of the bit generator, not `Generator.permutation`: numpy promises the former to stay
    the same in later versions. That two are equal is as good as impossible, so every way of
    sorting gives the same order.
    """
    return np.random.Philox(np.random.SeedSequence(entropy)).random_raw(count)


def _by_shard(
    num_samples: int, shards: Sequence[object] | np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return where each shard starts in the rows sorted by shard, and these if they were not."""
    if shards is None:
        return np.array([0, num_samples]), None
    names_N = np.asarray(shards)
    if names_N.shape != (num_samples,):
        raise ValueError(
            f"shards must name one shard a sample, got {names_N.shape} for {num_samples} samples"
        )
    first = np.flatnonzero(names_N[1:] != names_N[:-1]) + 1
    starts = np.concatenate([[0], first, [num_samples]])
    if len(np.unique(names_N[starts[:-1]])) == len(starts) - 1:
        return starts, None
    sizes_S = np.unique(names_N, return_counts=True)[1]
    return np.concatenate([[0], np.cumsum(sizes_S)]), np.argsort(names_N, kind="stable")
