"""The jobs under way, and their notes: read in turn, so many a second, however many there are.

A note takes a read of the shared storage. All notes of a thousand jobs twice a second would keep
the driver from its work, and in an object store from any work at all.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.progress import add_counts, note_path
from pipeline.tasks.waiting import Watched
from shards import storage

EVERY_S = 0.5
NOTES_PER_S = 128.0
REMOTE_EVERY_S = 10.0
REMOTE_NOTES_PER_S = 32.0
"""Between two looks at one note, and how many are looked at: local, and in an object store."""

THREADS = 16
"""Notes that are read at a time: each waits for the storage."""


class Rounds:
    """What is under way, by reference.

    Args:
        out: Output folder.
    """

    def __init__(self, out: str) -> None:
        self.out = out
        is_remote = storage.is_remote(out)
        self._every_s = REMOTE_EVERY_S if is_remote else EVERY_S
        self._notes_per_s = REMOTE_NOTES_PER_S if is_remote else NOTES_PER_S
        self._jobs: OrderedDict[Any, Watched] = OrderedDict()
        self._num_alone = 0
        self._looked = time.monotonic()
        self._pool = ThreadPoolExecutor(THREADS)

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._jobs)

    @property
    def num_alone(self) -> int:
        """Jobs that have a node to themselves."""
        return self._num_alone

    def add(self, reference: Any, watched: Watched) -> None:
        """A job has been begun."""
        self._jobs[reference] = watched
        self._num_alone += watched.job.is_alone

    def remove(self, reference: Any) -> Watched:
        """Return a job that ended or is given up."""
        watched = self._jobs.pop(reference)
        self._num_alone -= watched.job.is_alone
        return watched

    def forget_note(self, name: str) -> None:
        """Delete a note; nobody waits for that, and the next run sweeps what stays."""
        self._pool.submit(storage.delete, note_path(self.out, name))

    def look(self) -> list[tuple[Any, Watched]]:
        """Look at the notes whose turn it is; return their jobs."""
        now = time.monotonic()
        if (waited_s := now - self._looked) < EVERY_S:
            return []
        self._looked = now
        number = min(len(self._jobs), math.ceil(waited_s * self._notes_per_s))
        turn = list(islice(self._jobs.items(), number))
        for reference, _ in turn:
            self._jobs.move_to_end(reference)
        self._read((watched for _, watched in turn), self._every_s)
        return turn

    def num_begun(self) -> int:
        """Return how many a worker has begun, as far as we know."""
        return sum(watched.note is not None for watched in self._jobs.values())

    def not_begun(self) -> list[Any]:
        """Return the jobs that no worker has begun, as far as their notes say now."""
        silent = [one for one in self._jobs.items() if one[1].note is None]
        self._read((watched for _, watched in silent), 0.0)
        return [reference for reference, watched in silent if watched.note is None]

    def counts(self) -> BundleCounts:
        """Return what the bundles under way have done by their last notes."""
        builds = (one for one in self._jobs.values() if one.job.probed is None)
        return add_counts(one.note for one in builds if one.note is not None)

    def close(self) -> None:
        """Wait for the notes that are still to go."""
        self._pool.shutdown()

    def _read(self, jobs: Iterable[Watched], every_s: float) -> None:
        for _ in self._pool.map(lambda watched: watched.look(every_s), jobs):
            pass
