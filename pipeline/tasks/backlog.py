"""Jobs that wait to be begun: each until its time, some until they have a node to themselves."""

import heapq
from itertools import count

from pipeline.tasks.jobs import Job


class Backlog:
    """Jobs by the time from which they may be begun; what is due longest comes first.

    Many wait at once when nodes are lost, so that none is looked for in a list.
    """

    def __init__(self) -> None:
        self._heaps: dict[bool, list[tuple[float, int, Job]]] = {False: [], True: []}
        self._number = count()

    def __len__(self) -> int:
        return sum(map(len, self._heaps.values()))

    @property
    def num_side_by_side(self) -> int:
        """Jobs that need no node to themselves."""
        return len(self._heaps[False])

    def add(self, *jobs: Job) -> None:
        """Let jobs wait until their `not_before`."""
        for job in jobs:
            heapq.heappush(self._heaps[job.is_alone], (job.not_before, next(self._number), job))

    def take(self, now: float, *, alone: bool) -> Job | None:
        """Return a job that is due, of those that run alone or of the others; None if none is."""
        heap = self._heaps[alone]
        return heapq.heappop(heap)[2] if heap and heap[0][0] <= now else None
