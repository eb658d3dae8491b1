"""Micro-batches of a worker's virtual ranks, in order, read ahead by threads.

Which clip stands where is arithmetic (`shards.order`), so there is no state to save: a resumed
loader begins at any step at once, and neither the number of workers nor of threads matters.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from shards.order import EpochOrder
from trainers.data.batch import Batch, Example, collate
from trainers.data.reader import ClipReader
from trainers.data.seeds import derive_seed


class Loader:
    """Yields the batches of `ranks` for step after step. Close it to end its threads."""

    def __init__(
        self,
        reader: ClipReader,
        order: EpochOrder,
        rows_N: np.ndarray,
        seed: int,
        num_threads: int,
        read_ahead: int,
    ) -> None:
        """Prepare to load.

        Args:
            reader: Gives single examples.
            order: Order over `len(rows_N)` samples.
            rows_N: Rows of the manifest that are trained on.
            seed: Seed of the augmentation.
            num_threads: Threads that read and decode.
            read_ahead: Micro-batches that are kept ready.
        """
        self._reader, self._order, self._rows_N, self._seed = reader, order, rows_N, seed
        self._read_ahead = read_ahead
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="clips")

    def batches(self, places: Iterator[tuple[int, int]], virtual_ranks: int) -> Iterator[Batch]:
        """Yield one batch for each `(step, virtual rank)` of `places`, in that order.

        Raises:
            DamagedSample: If a clip of the batch cannot be read.
        """
        waiting: deque[list[Future[Example]]] = deque()
        for step, rank in places:
            waiting.append(self._submit(step, rank, virtual_ranks))
            if len(waiting) > self._read_ahead:
                yield collate([future.result() for future in waiting.popleft()])
        while waiting:
            yield collate([future.result() for future in waiting.popleft()])

    def close(self) -> None:
        """Drop what is not begun and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, step: int, rank: int, virtual_ranks: int) -> list[Future[Example]]:
        epoch, samples_G = self._order.batch(step)
        start, size = self._order.position(step), len(samples_G) // virtual_ranks
        return [
            self._pool.submit(
                self._reader.example,
                int(self._rows_N[samples_G[place]]),
                derive_seed(self._seed, epoch, start + place),
            )
            for place in range(rank * size, (rank + 1) * size)
        ]


def fixed_batches(
    reader: ClipReader, chunks: Iterable[np.ndarray], num_threads: int
) -> Iterator[Batch]:
    """Yield one batch of un-augmented clips for each chunk of rows, the next one read ahead."""
    with ThreadPoolExecutor(num_threads, thread_name_prefix="clips") as pool:
        ahead: deque[list[Future[Example]]] = deque()
        for chunk in chunks:
            ahead.append([pool.submit(reader.example, int(row), None) for row in chunk])
            if len(ahead) > 1:
                yield collate([future.result() for future in ahead.popleft()])
        while ahead:
            yield collate([future.result() for future in ahead.popleft()])
