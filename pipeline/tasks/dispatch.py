"""Where each bundle of a build is: waiting, under way with Ray, isolated, done or failed."""

import errno
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ray

from pipeline.tasks.backlog import Backlog
from pipeline.tasks.bundle import BundleCounts, BundleTask, Suspicion
from pipeline.tasks.handover import Handover, RayHandover
from pipeline.tasks.jobs import (
    DEATHS_ALONE,
    DEATHS_TO_ISOLATE,
    Isolation,
    Job,
    isolate,
    suspects_of,
)
from pipeline.tasks.progress import add_counts
from pipeline.tasks.quarantine import MOST_IN_A_ROW, Quarantine, Verdict
from pipeline.tasks.rounds import Rounds
from pipeline.tasks.waiting import Watched
from shards.commit import read_record
from trainers.cluster.versions import MixedVersions

logger = logging.getLogger(__name__)

POLL_S = 0.5
BACKOFF_S = 2.0
IN_FLIGHT_PER_SLOT = 2
"""So that no CPU waits for us, and a cluster that can grow sees that there is more to do."""

ROOM_S = 30.0
"""Between two looks at how large the cluster is."""


OUTPUT_FAILS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
    }
)
"""Errors that every other bundle would meet as well: the build stops at the first."""


class BuildError(RuntimeError):
    """A build that could not be completed; the message says why, and what to do."""


class Dispatch:
    """The bundles of one build.

    Args:
        tasks: Bundles of one output, in the order in which they are to be begun.
        handover: What runs them.
    """

    def __init__(self, tasks: Sequence[BundleTask], handover: Handover | None = None) -> None:
        self.settings = tasks[0].shards
        self.out = tasks[0].out
        self._handover = handover or RayHandover()
        self.room = self._handover.room(self.settings)
        self._room_read = time.monotonic()
        self.waiting = Backlog()
        self.running = Rounds(self.out)
        self.isolated: dict[str, Isolation] = {}
        self.failures: list[str] = []
        self.num_done = 0
        self._done = BundleCounts()
        self._quarantine = Quarantine(self.out)
        # One by one: a million sources are not to stand in memory as objects.
        self._tasks = tasks
        self._num_begun = 0

    def is_open(self, *, may_start: bool) -> bool:
        """Return whether there is something to wait for."""
        is_more = bool(self.waiting) or self._num_begun < len(self._tasks)
        return bool(self.running) or (may_start and is_more)

    def withdraw(self) -> None:
        """Take back what Ray has not begun yet."""
        for reference in self.running.not_begun():
            self.running.remove(reference)
            self._handover.stop(reference)

    def close(self) -> None:
        """Remember the verdicts that no later success confirmed: all of its bundles are built."""
        if not self.waiting and not self.isolated:
            self._quarantine.confirm()
        self.running.close()

    def counts(self) -> BundleCounts:
        """Return what is done, in bundles that are committed and in those under way."""
        return add_counts([self._done, self.running.counts()])

    def start(self) -> None:
        """Hand jobs to Ray: side by side, and those that want to be alone at the very last."""
        if time.monotonic() - self._room_read > ROOM_S:
            self.room, self._room_read = self._handover.room(self.settings), time.monotonic()
        while (job := self._next()) is not None:
            job.begun = time.monotonic()
            self.running.add(self._handover.begin(job, self.room), Watched(job))

    def _next(self) -> Job | None:
        now = time.monotonic()
        most = self.room.num_slots * IN_FLIGHT_PER_SLOT
        if not self.running.num_alone and len(self.running) < most:
            side_by_side = self.waiting.take(now, alone=False) or self._fresh()
            return side_by_side or self._next_alone(now)
        return self._next_alone(now)

    def _next_alone(self, now: float) -> Job | None:
        is_quiet = self.running.num_alone == len(self.running)
        # First what verdicts are waiting for: a bundle without its poison shows that the rest is
        # well. Else a cluster would try many sources that fail, and nothing that comes through.
        is_last = not self.waiting.num_side_by_side
        if is_quiet and is_last and len(self.running) < self.room.num_nodes:
            return self.waiting.take(now, alone=True)
        return None

    def _fresh(self) -> Job | None:
        if self._num_begun == len(self._tasks):
            return None
        task = self._tasks[self._num_begun]
        self._num_begun += 1
        quarantined = self._quarantine.on(task.sources)
        return Job(replace(task, quarantined=quarantined, is_final=False))

    def settle(self) -> None:
        """Wait a little; take in what ended, and give up what is overdue."""
        if not self.running:
            time.sleep(POLL_S)
            return
        for reference in self._handover.ended(list(self.running), POLL_S):
            self._take(reference, self.running.remove(reference))
        for reference, watched in self.running.look():
            if self._is_overdue(watched):
                self.running.remove(reference)
                # It may sit on a frozen node and wake up later: what it commits then is equal.
                self._handover.stop(reference)
                self.running.forget_note(watched.job.name)
                self._lost(watched.job, "no sign of life past its deadline, or its node is dead")

    def _is_overdue(self, watched: Watched) -> bool:
        if not watched.is_overdue(self.settings.overdue_s):
            return False
        watched.look(0)  # its turn may have been a while ago
        if watched.note is None and self.running.num_begun() >= self.room.num_slots:
            # Memory is what there is no more of: it waits its turn though CPUs are free.
            watched.heard = time.monotonic()
        return watched.is_overdue(self.settings.overdue_s)

    def _take(self, reference: Any, watched: Watched) -> None:
        job = watched.job
        name = job.name  # the next try has another one
        try:
            result = self._handover.result(reference)
        except ray.exceptions.RayTaskError as error:
            self._failed(job, error.cause if isinstance(error.cause, Exception) else error)
        except ray.exceptions.OutOfMemoryError as error:
            self._died(watched, "E_OOM", _first_line(error))
        except ray.exceptions.WorkerCrashedError as error:
            self._died(watched, "E_CRASH", _first_line(error))
        except ray.exceptions.LocalRayletDiedError as error:
            raise BuildError(
                f"Ray on this machine died ({_first_line(error)}); the same command goes on"
            ) from error
        except ray.exceptions.RayError as error:
            self._lost(job, _first_line(error))
        else:
            self._ended(job, result)
        self.running.forget_note(name)

    def _ended(self, job: Job, result: BundleCounts | Verdict | None) -> None:
        if isinstance(result, BundleCounts):
            self.num_done += 1
            self._done = add_counts([self._done, result])
            if len(job.task.sources) > len(job.task.quarantined):
                self._quarantine.confirm()
        elif result is not None and not job.is_alone:
            self._again(job, alone=True)
        else:
            self._tried(job, result)

    def _failed(self, job: Job, error: Exception) -> None:
        """Our own code raised."""
        if isinstance(error, Suspicion):
            ids = {verdict.video_id for verdict in error.verdicts}
            self._isolate(job, ids, alone=True)
        elif isinstance(error, OSError) and error.errno in OUTPUT_FAILS:
            self._stop_all()
            raise BuildError(
                f"{self.out} cannot be written: {error}; once it can, the same command goes on"
            ) from error
        elif isinstance(error, MixedVersions):
            # It fails at once, so it would be given one bundle after the other.
            self._stop_all()
            raise BuildError(str(error)) from error
        elif isinstance(error, OSError):
            self._lost(job, f"{type(error).__name__}: {error}")
        else:
            self._fail(job, f"{type(error).__name__}: {_first_line(error)}")

    def _stop_all(self) -> None:
        for reference in self.running:
            self._handover.stop(reference)

    def _died(self, watched: Watched, code: str, reason: str) -> None:
        """The worker died, and nothing says that its node did."""
        job = watched.job
        note = watched.look(0)
        job.deaths += 1
        job.seen.append(note.source if note else "")
        if job.probed is not None:
            if job.is_alone and job.deaths >= DEATHS_ALONE:
                # The reason names processes and ports; a reject must read the same each time.
                detail = f"its worker died {job.deaths} times with nothing else on the node"
                self._tried(job, Verdict.on(job.task.sources[0], code, detail, "task"))
            else:
                self._again(job, alone=True)
        elif job.deaths >= self.settings.attempts:
            self._fail(
                job,
                f"its worker died {job.deaths} times ({reason}), though no source does that "
                "alone; raise shards.task_memory_bytes, or lower shards.sources_per_bundle",
            )
        elif job.deaths == DEATHS_TO_ISOLATE:
            logger.warning("%s: %s; its sources are tried one by one", job.label, reason)
            self._isolate(job, suspects_of(job), alone=False)
        else:
            logger.warning("%s: %s; attempt %d follows", job.label, reason, job.attempt + 1)
            self._again(job, alone=job.is_alone)

    def _lost(self, job: Job, reason: str) -> None:
        """The job went with its node, or nobody knows where it is."""
        record = read_record(self.out, job.task.bundle, with_samples=False)
        is_committed = record is not None and record.fingerprint == job.task.fingerprint
        if job.probed is None and record is not None and is_committed:
            counts = BundleCounts(len(record.planned), record.num_samples, len(record.rejects))
            self._ended(job, counts)
            return
        job.losses += 1
        if job.losses >= self.settings.attempts:
            self._fail(job, f"lost {job.losses} times ({reason})")
        else:
            logger.warning("%s: %s; attempt %d follows", job.label, reason, job.attempt + 1)
            self._again(job, alone=job.is_alone)

    def _again(self, job: Job, *, alone: bool) -> None:
        if alone and not job.is_alone:
            job.deaths = 0
        job.is_alone = alone
        job.not_before = time.monotonic() + BACKOFF_S * 2 ** (job.deaths + job.losses)
        job.attempt += 1
        self.waiting.add(job)

    def _fail(self, job: Job, reason: str) -> None:
        message = f"{job.label}: {reason}"
        logger.error("%s", message)
        self.failures.append(message)
        if job.probed is not None:
            # Without a verdict on one of its sources the bundle cannot be built either.
            self.isolated.pop(job.task.bundle, None)

    def _isolate(self, job: Job, suspects: set[str], *, alone: bool) -> None:
        isolation, probes = isolate(job, suspects)
        self.isolated[job.task.bundle] = isolation
        for probe in probes:
            probe.is_alone = probe.is_alone or alone
        self.waiting.add(*probes)

    def _tried(self, job: Job, verdict: Verdict | None) -> None:
        """A source has been tried; after the last one of its bundle, build it again."""
        isolation = self.isolated.get(job.task.bundle)
        if isolation is None:
            return
        isolation.pending.discard(job.task.sources[0].video_id)
        if verdict is None:
            self._quarantine.confirm()
        else:
            isolation.verdicts.append(verdict)
            self._distrust(job, verdict)
        if not isolation.pending:
            del self.isolated[job.task.bundle]
            self.waiting.add(isolation.conclude())

    def _distrust(self, job: Job, verdict: Verdict) -> None:
        logger.warning("%s: fails, %s: %s", job.label, verdict.code, verdict.detail)
        if self._quarantine.suspect(verdict, job.begun, time.monotonic()):
            raise BuildError(
                f"{MOST_IN_A_ROW} sources in a row failed ({verdict.code}) and none came through: "
                "most likely it is this machine, and nothing is held against them; see that it "
                "has memory to spare, then the same command goes on"
            )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]
