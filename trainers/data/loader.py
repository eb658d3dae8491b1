"""Micro-batches of a worker's virtual ranks, in order, read ahead by threads.

Which clip stands where is arithmetic (`mixture`), so there is no state to save: a resumed loader
begins at any step at once, and neither the number of workers nor of threads matters. A damaged
sample is replaced by one that its place in the order decides, so that does not matter either.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch

from configs.data import DataConfig
from trainers.data.batch import Batch, Example
from trainers.data.damage import DamagedSample, DamageLimit, Replacement
from trainers.data.mixture import Draw, Mixture
from trainers.data.reader import ClipReader
from trainers.data.seeds import derive_seed

logger = logging.getLogger(__name__)

TRIES = 8
"""Samples that are tried for a damaged one. All damaged is no accident: a disk is gone."""


MOST_DRAWS = 1000
"""Samples that are thought of, where those of videos that the batch has are passed over."""


class _Filling(NamedTuple):
    """A batch whose places are being filled, some by each task."""

    batch: Batch
    tasks: list[Future[list[Replacement]]]


class Loader:
    """Yields the batches of virtual ranks for step after step. Close it to end its threads.

    Attributes:
        replaced: What was trained on instead of damaged samples, in the order of batches.
        damage: Counts over all workers what was replaced.
    """

    def __init__(self, reader: ClipReader, order: Mixture, seed: int, config: DataConfig) -> None:
        """Prepare to load.

        Args:
            reader: Gives single examples.
            order: Says which.
            seed: Seed of the augmentation.
            config: Threads, and what is read ahead.
        """
        self.replaced: list[Replacement] = []
        self._reader, self._order, self._seed, self._config = reader, order, seed, config
        self.damage = DamageLimit(config.max_damaged, order.num_samples, order.steps_per_epoch)
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="clips")
        self._shards = ThreadPoolExecutor(config.threads, thread_name_prefix="shards")
        self._begun: set[int] = set()

    def batches(self, places: Iterator[tuple[int, int]], virtual_ranks: int) -> Iterator[Batch]:
        """Yield one batch for each `(step, virtual rank)` of `places`, in that order.

        Raises:
            DamagedSample: If what stands in for a damaged sample is damaged too, several times.
            ValueError: If shards are being replaced.
            OSError: If a disk or a store fails.
        """
        filling: deque[_Filling] = deque()
        for step, rank in places:
            filling.append(self._submit(step, rank, virtual_ranks))
            if len(filling) > self._config.read_ahead:
                yield self._finish(filling.popleft())
        while filling:
            yield self._finish(filling.popleft())

    def end_step(self, step: int, num_replaced: int) -> None:
        """Count what all workers together replaced in a step.

        Raises:
            DamagedSample: If it is more in this epoch than `data.max_damaged` says; on all workers
                at the same step.
        """
        self.damage.add(step, num_replaced, self.replaced[-1].reason if self.replaced else "")

    def close(self) -> None:
        """Drop what is not begun and end the threads."""
        for pool in (self._shards, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, step: int, rank: int, virtual_ranks: int) -> _Filling:
        size = self._order.global_batch // virtual_ranks
        own = range(rank * size, (rank + 1) * size)
        batch = _empty(self._reader, size)
        # A task a thread: the model's thread has better things to do than to hand out clips.
        share = -(-size // self._config.threads)
        tasks = [
            self._pool.submit(self._fill, batch, step, own, range(begin, min(begin + share, size)))
            for begin in range(0, size, share)
        ]
        self._look_ahead(step, rank, own)
        return _Filling(batch, tasks)

    def _fill(self, batch: Batch, step: int, own: range, part: range) -> list[Replacement]:
        """Read a part of a micro-batch, whose places in the global batch are `own`."""
        draw = self._order.draw(step)
        found = (self._put(batch, number, step, draw, own[number]) for number in part)
        return [replaced for replaced in found if replaced is not None]

    def _put(
        self, batch: Batch, number: int, step: int, draw: Draw, place: int
    ) -> Replacement | None:
        """Put the sample of a place of the global batch into its micro-batch."""
        row, seed = int(draw.rows_G[place]), draw.seed(self._seed, place)
        try:
            batch.put(number, self._reader.example(row, seed))
        except DamagedSample as error:
            example = _stand_in(self._reader, self._spares(draw, place, seed), seed, error)
            batch.put(number, example)
            batch.replaced_B[number] = True
            return Replacement(step, int(draw.positions_G[place]), row, example.row, str(error))
        return None

    def _spares(self, draw: Draw, place: int, seed: int) -> Iterator[int]:
        """Yield rows that may stand in for the one of a place, the same on any worker."""
        folder = int(draw.folders_G[place])
        videos_N = self._reader.places.video_N
        taken = set()
        if self._config.one_clip_per_video:
            taken = set(videos_N[draw.rows_G].tolist())
        for attempt in range(MOST_DRAWS):
            spare = self._order.spare(folder, derive_seed(seed, attempt))
            if int(videos_N[spare]) not in taken:
                yield spare

    def _finish(self, filling: _Filling) -> Batch:
        for replaced in (one for task in filling.tasks for one in task.result()):
            self.replaced.append(replaced)
            logger.warning(
                "step %d, position %d: row %d stands in for row %d: %s",
                replaced.step + 1,
                replaced.position,
                replaced.replacement,
                replaced.row,
                replaced.reason,
            )
        return filling.batch

    def _look_ahead(self, step: int, rank: int, own: range) -> None:
        """Let the shards of a later step be checked and copied, at first of all until then."""
        ahead = self._config.shards_ahead
        if not ahead:
            return
        for later in range(step + ahead if rank in self._begun else step + 1, step + ahead + 1):
            self._shards.submit(self._prepare, later, own)
        self._begun.add(rank)

    def _prepare(self, step: int, own: range) -> None:
        rows = self._order.draw(step).rows_G[own.start : own.stop]
        for number in self._reader.shards_of(rows):
            # What goes wrong now will go wrong again when a sample of the shard is read.
            with suppress(Exception):
                self._reader.prepare_shard(number)


def fixed_batches(
    reader: ClipReader, chunks: Iterable[np.ndarray], spare_N: np.ndarray, num_threads: int
) -> Iterator[Batch]:
    """Yield one batch of un-augmented clips for each chunk of rows, the next one read ahead.

    Args:
        reader: Gives single examples.
        chunks: Rows of each batch.
        spare_N: Rows that stand in for damaged ones; the same for every worker.
        num_threads: Threads that read and decode.

    Raises:
        DamagedSample: If what stands in for a damaged sample is damaged too, several times.
    """

    def fill(batch: Batch, place: int, row: int) -> None:
        try:
            example = reader.example(row, None)
        except DamagedSample as error:
            picks = (derive_seed(row, attempt) % len(spare_N) for attempt in range(TRIES))
            example = _stand_in(reader, (int(spare_N[pick]) for pick in picks), None, error)
            logger.warning("row %d stands in for row %d: %s", example.row, row, error)
            batch.replaced_B[place] = True
        batch.put(place, example)

    with ThreadPoolExecutor(num_threads, thread_name_prefix="clips") as pool:
        ahead: deque[tuple[Batch, list[Future[None]]]] = deque()

        def first() -> Batch:
            batch, futures = ahead.popleft()
            for future in futures:
                future.result()
            return batch

        for chunk in chunks:
            batch = _empty(reader, len(chunk))
            futures = [pool.submit(fill, batch, n, int(row)) for n, row in enumerate(chunk)]
            ahead.append((batch, futures))
            if len(ahead) > 1:
                yield first()
        while ahead:
            yield first()


def _empty(reader: ClipReader, size: int) -> Batch:
    pin = torch.cuda.is_available()
    return Batch.empty(reader.clip_shape, reader.bag_shape, size, pin=pin, sound=reader.sound_shape)


def _stand_in(
    reader: ClipReader, spares: Iterable[int], seed: int | None, error: DamagedSample
) -> Example:
    """Return the first of some samples that is whole."""
    for _, spare in zip(range(TRIES), spares, strict=False):
        with suppress(DamagedSample):
            return reader.example(spare, seed)
    raise DamagedSample(f"none of {TRIES} samples in a row can be read, the first: {error}")
