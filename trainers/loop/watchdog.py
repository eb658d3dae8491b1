"""Ends a worker that is stuck, after it has written what each of its threads was doing.

A collective has a time-out; a worker that waits for a lock, a file or a decoder for ever has none,
and its peers would wait for it in silence. So a thread looks at the worker's last beat. Time
inside a collective does not count: those who wait for the stuck worker are not stuck themselves.
Where the interpreter itself cannot run any more, a thread of C does the same a little later.
"""

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.faults import FaultsConfig
from trainers import waits
from trainers.loop import folder
from trainers.loop.attempts import append_event
from trainers.loop.desk import Desk
from trainers.loop.heartbeat import Beat, Heartbeat

logger = logging.getLogger(__name__)

EXIT_CODE = 75
"""Of a worker that was found stuck."""

_LONGEST_POLL_S = 1.0
_GRACE_S = 5.0
"""How much later than this thread the one of C acts."""


class Watchdog:
    """Watches one worker's beats until it is closed."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        limits: FaultsConfig,
        stacks: Path,
        report: Callable[[Beat, float], None],
    ) -> None:
        """Begin to watch.

        Args:
            heartbeat: Of this worker.
            limits: How long it may stay in one phase.
            stacks: File that gets the stack of every thread.
            report: Called with the last beat and the seconds since, before the process ends.
        """
        self._heartbeat, self._limits, self._report = heartbeat, limits, report
        stacks.parent.mkdir(exist_ok=True)
        self._path, self._stacks = stacks, stacks.open("a")
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; a file without stacks is removed."""
        self._closed.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()
        self._stacks.close()
        if not self._path.stat().st_size:
            self._path.unlink()

    def _limit_s(self) -> float:
        limits = self._limits
        return limits.start_limit_s if self._heartbeat.starting else limits.step_limit_s

    def _watch(self) -> None:
        while True:
            limit_s = self._limit_s()
            faulthandler.dump_traceback_later(limit_s + _GRACE_S, exit=True, file=self._stacks)
            beat = self._heartbeat.last
            silent_s = time.monotonic() - max(beat.monotonic_s, waits.left_monotonic_s())
            if silent_s > limit_s and not waits.is_waiting() and beat == self._heartbeat.last:
                self._end(beat, silent_s)
            if self._closed.wait(min(_LONGEST_POLL_S, self._limits.step_limit_s / 10)):
                return

    def _end(self, beat: Beat, silent_s: float) -> None:
        faulthandler.dump_traceback(self._stacks, all_threads=True)
        try:
            self._report(beat, silent_s)
        finally:
            # An exception would wait for the thread that is stuck.
            os._exit(EXIT_CODE)


@contextmanager
def watched(desk: Desk, limits: FaultsConfig, node: str = "") -> Iterator[Heartbeat]:
    """Give the heartbeat of a worker, and end the process when it stops beating."""
    run_dir, attempt, worker = desk.run_dir, desk.attempt, desk.worker

    def report(beat: Beat, silent_s: float) -> None:
        append_event(
            run_dir,
            attempt,
            "hang",
            worker=worker,
            step=beat.step,
            phase=beat.phase,
            silent_s=round(silent_s, 1),
            stacks=str(stacks.relative_to(desk.folder)),
        )
        desk.deliver_file(stacks)

    stacks = desk.folder / folder.LOGS / f"attempt-{attempt}-worker-{worker}.stacks"
    heartbeat = Heartbeat(desk.folder, attempt, worker, node)
    watchdog = Watchdog(heartbeat, limits, stacks, report)
    try:
        yield heartbeat
    finally:
        watchdog.close()
        heartbeat.close()
