"""Workers that build nothing, in place of Ray's, and a clock that they share with the driver.

A job takes its seconds on that clock, and what the driver computes takes as long as it really does.
At its end a bundle is committed with real records. What goes wrong is a function of names.
"""

import hashlib
import heapq
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import ray

from benchmarks.stub_bundles import commit_stub
from configs.shards import ShardsConfig
from pipeline.tasks import dispatch, rounds, waiting
from pipeline.tasks.bundle import BundleCounts, BundleTask
from pipeline.tasks.handover import GATHER_S
from pipeline.tasks.jobs import Job
from pipeline.tasks.progress import reporter
from pipeline.tasks.quarantine import Verdict
from pipeline.tasks.remote import Room
from shards.commit import record_path

SOURCES_PER_BUNDLE = 4
NODE_CPUS = 10
JOB_S = 30.0
"""Mean of what a bundle takes; each takes half to one and a half of it."""

CRASHES, LOSSES, FREEZES = 0.002, 0.002, 0.0005
"""Of first tries: a worker dies, its node is lost, it falls silent and commits much too late."""

POISON = 10_000
"""One source in so many kills whoever opens it."""

LATE_S = 600.0


class Clock:
    """Stands for the module `time` in the driver."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time of this clock."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds


def use_clock(clock: Clock) -> None:
    """Let the driver go by a clock."""
    for module in (dispatch, rounds, waiting):
        module.time = clock


def is_poison(video_id: str) -> bool:
    """Return whether a source kills whoever opens it."""
    return _share(video_id) < 1 / POISON


class FakeCluster:
    """A `Handover`. `cpu_s` is what it used itself: not the driver's."""

    def __init__(self, num_workers: int) -> None:
        self.clock = Clock()
        self.committed, self.late = 0, 0
        self.happened: Counter[str] = Counter()
        self.busy_s = 0.0
        self.cpu_s = 0.0
        self._driver_s = time.process_time()
        self._num_workers = self._free = num_workers
        self._jobs: dict[int, Job] = {}
        self._queue: deque[int] = deque()
        self._begun: set[int] = set()
        self._results: dict[int, BundleCounts | Exception | None] = {}
        self._events: list[tuple[float, int, str, int, Job]] = []
        self._number = count()

    def room(self, settings: ShardsConfig) -> Room:
        """Return nodes of ten CPUs."""
        memory = settings.task_memory_bytes
        num_nodes = max(1, self._num_workers // NODE_CPUS)
        return Room(self._num_workers, num_nodes, NODE_CPUS, NODE_CPUS * memory, memory)

    def begin(self, job: Job, room: Room) -> int:
        """Queue a job."""
        with self._ours():
            reference = next(self._number)
            self._jobs[reference] = job
            self._queue.append(reference)
            self._fill()
        return reference

    def ended(self, references: Sequence[int], wait_s: float) -> list[int]:
        """Let time go by until a job ends, and a little more, as `RayHandover` does."""
        with self._ours():
            end = self.clock.now + wait_s
            while not self._results and self._events and self._events[0][0] <= end:
                self._happen()
            if self._results:
                end = self.clock.now + GATHER_S * len(references)
                while self._events and self._events[0][0] <= end:
                    self._happen()
            self.clock.now = max(self.clock.now, end)
            return list(self._results)

    def result(self, reference: int) -> BundleCounts | Verdict | None:
        """Return what became of a job, or raise it."""
        result = self._results.pop(reference)
        if isinstance(result, Exception):
            raise result
        return result

    def stop(self, reference: int) -> None:
        """Give a frozen worker up; its node comes back empty."""
        with self._ours():
            self._leave(reference)

    def _fill(self) -> None:
        while self._queue and self._free >= self._width(self._jobs[self._queue[0]]):
            reference = self._queue.popleft()
            job = self._jobs[reference]
            self._free -= self._width(job)
            self._begun.add(reference)
            what, seconds = _fate(job)
            self.busy_s += seconds * self._width(job)
            guilty = [one for one in _opened(job.task) if is_poison(one)]
            first = BundleCounts(0, 0, 0, guilty[0] if guilty else "", 60.0)
            reporter(job.task.out, job.name)(first)
            self._after(seconds, what, reference, job)
            if what == "done":
                self._after(seconds / 2, "note", reference, job)
            if what == "frozen":
                self._after(LATE_S, "late", reference, job)

    def _after(self, seconds: float, what: str, reference: int, job: Job) -> None:
        event = (self.clock.now + seconds, next(self._number), what, reference, job)
        heapq.heappush(self._events, event)

    def _happen(self) -> None:
        when, _, what, reference, job = heapq.heappop(self._events)
        self.clock.now = max(self.clock.now, when)
        self.happened[what] += 1
        if what == "note":
            reporter(job.task.out, job.name)(BundleCounts(2, 2, 0, "", 60.0))
        elif what == "late":
            self._commit(job.task)
        elif what != "frozen":
            self._results[reference] = self._came_of(what, job)
            self._leave(reference)

    def _came_of(self, what: str, job: Job) -> BundleCounts | Exception | None:
        if what == "crash":
            return ray.exceptions.WorkerCrashedError()
        if what == "lost":
            return ray.exceptions.NodeDiedError("its node is gone")
        if job.probed is not None:
            return None
        num_lost = len(job.task.quarantined)
        self._commit(job.task)
        return BundleCounts(len(job.task.sources), len(job.task.sources) - num_lost, num_lost)

    def _commit(self, task: BundleTask) -> None:
        if Path(record_path(task.out, task.bundle)).exists():
            self.late += 1
        else:
            commit_stub(task)
            self.committed += 1

    def _leave(self, reference: int) -> None:
        job = self._jobs.pop(reference)
        if reference in self._begun:
            self._begun.discard(reference)
            self._free += self._width(job)
        else:
            self._queue.remove(reference)
        self._fill()

    def _width(self, job: Job) -> int:
        return min(NODE_CPUS, self._num_workers) if job.is_alone else 1

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Count what is done here as ours, and let what the driver did before take its time."""
        driver_s = time.process_time() - self.cpu_s
        self.clock.now += driver_s - self._driver_s
        begin_s = time.process_time()
        try:
            yield
        finally:
            self.cpu_s += time.process_time() - begin_s
            self._driver_s = time.process_time() - self.cpu_s


def _fate(job: Job) -> tuple[str, float]:
    share = _share(job.name)
    seconds = JOB_S * (0.5 + _share(f"{job.name} takes"))
    if any(is_poison(one) for one in _opened(job.task)):
        return "crash", seconds / 2
    if job.attempt == 1 and job.probed is None:
        if share < CRASHES:
            return "crash", seconds / 2
        if share < CRASHES + LOSSES:
            return "lost", seconds / 2
        if share < CRASHES + LOSSES + FREEZES:
            return "frozen", seconds / 2
    return "done", seconds


def _opened(task: BundleTask) -> list[str]:
    lost = {verdict.video_id for verdict in task.quarantined}
    return [source.video_id for source in task.sources if source.video_id not in lost]


def _share(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64
