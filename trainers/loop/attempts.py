"""Attempts: an append-only log of who trained a run when, which also fences a stale writer.

Each start of the workers is an attempt with a number of its own. A worker that survived its
driver must not write beside its successor, so whoever writes asks first whether its attempt is
still the newest.

In a bucket each event is an object, and that of the begin is created only if it is absent: of two
drivers that begin one attempt, one does.
"""

import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from shards import storage
from shards.lease import hold_lease
from shards.paths import AnyPath, StorePath
from trainers.lines import ends_whole, read_lines
from trainers.parts import attempt_of_part

LOG = "attempts.jsonl"
LOCK = "driver.lock"
BEGIN = "begin"
_LOST_LEASE = 1
_LOOK_S = 2.0
"""Between two looks at a log in a bucket where nothing is committed."""

logger = logging.getLogger(__name__)


class StaleAttempt(RuntimeError):  # noqa: N818 - it names a state, as StopIteration does
    """Another attempt has taken over this run."""


def read_attempts(run_dir: AnyPath) -> list[dict[str, Any]]:
    """Return the log's events, oldest first; a torn line is passed over."""
    return read_lines(run_dir / LOG)


def newest_attempt(run_dir: AnyPath) -> int:
    """Return the number of the newest attempt, 0 before the first."""
    if isinstance(run_dir, StorePath):
        names = [path.name for path in (run_dir / LOG).iterdir()]
        return max(map(attempt_of_part, names), default=0)
    return max((event["attempt"] for event in read_attempts(run_dir)), default=0)


def append_event(run_dir: AnyPath, attempt: int, event: str, **details: Any) -> None:
    """Add one event to the log and flush it to the disk.

    Raises:
        StaleAttempt: If another driver has begun this attempt, in a bucket.
    """
    line = {"attempt": attempt, "event": event, "unix_s": round(time.time(), 3), **details}
    path = run_dir / LOG
    if isinstance(path, StorePath):
        _create_event(path, attempt, event, json.dumps(line).encode() + b"\n")
        return
    # A line torn by a crash must not swallow the one that follows it.
    prefix = b"" if ends_whole(path) else b"\n"
    with path.open("ab") as file:
        file.write(prefix + json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _create_event(log: StorePath, attempt: int, event: str, data: bytes) -> None:
    begins = event == BEGIN
    # In the order of names the begin stands first.
    when = f"{0:020d}-{BEGIN}" if begins else f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    made = storage.create_if_absent(str(log / f"{attempt:08d}-{when}.jsonl"), data)
    if begins and not made:
        raise StaleAttempt(f"attempt {attempt} of {log.parent} was begun by another driver")


class Fence:
    """Tells a writer whether its attempt is still the newest of the run."""

    def __init__(self, run_dir: AnyPath, attempt: int) -> None:
        self._run_dir = run_dir
        self.attempt = attempt
        self._seen_bytes: int | None = None
        self._look_s = 0.0

    def check_at_times(self) -> None:
        """Check, in a bucket only every few seconds: for what harms nobody when it is late."""
        if isinstance(self._run_dir, StorePath) and time.monotonic() < self._look_s:
            return
        self._look_s = time.monotonic() + _LOOK_S
        self.check()

    def check(self) -> None:
        """Do nothing while the attempt is the newest.

        Raises:
            StaleAttempt: If a newer one has begun.
        """
        num_bytes = self._num_bytes()
        if num_bytes is not None and num_bytes == self._seen_bytes:
            return
        newest = newest_attempt(self._run_dir)
        if newest > self.attempt:
            raise StaleAttempt(
                f"attempt {self.attempt} of {self._run_dir} must not write: attempt {newest} "
                "has taken over"
            )
        self._seen_bytes = num_bytes

    def _num_bytes(self) -> int | None:
        """Return how much the log has, None where that is not asked more cheaply than the rest."""
        log = self._run_dir / LOG
        return None if isinstance(log, StorePath) else log.stat().st_size


@contextmanager
def driver_lock(run_dir: AnyPath) -> Iterator[None]:
    """Hold the run for this driver, however it ends: the kernel lets go of it.

    In a bucket a lease that is kept fresh does the same, for drivers on all machines.

    Raises:
        ValueError: If another live driver holds it.
    """
    if isinstance(run_dir, StorePath):
        with ExitStack() as stack:
            try:
                lease = hold_lease(str(run_dir / LOCK), on_lost=_end, setting="run.name")
                stack.enter_context(lease)
            except OSError as error:
                raise ValueError(
                    f"run.root must be a bucket that can be written, got {run_dir.parent}: {error}"
                ) from error
            yield
        return
    with (run_dir / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"one driver must train a run at a time, got a second one for {run_dir}; wait "
                "for the other to end, or choose another run.name"
            ) from error
        yield


def _end() -> None:
    """End at once: another driver trains the run, and asking our workers to stop asks its too."""
    os._exit(_LOST_LEASE)
