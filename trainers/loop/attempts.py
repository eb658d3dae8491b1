"""Attempts: an append-only log of who trained a run when, which also fences a stale writer.

Each start of the workers is an attempt with a number of its own. A worker that survived its
driver must not write beside its successor, so whoever writes asks first whether its attempt is
still the newest.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainers.lines import ends_whole, read_lines

LOG = "attempts.jsonl"
LOCK = "driver.lock"


class StaleAttempt(RuntimeError):  # noqa: N818 - it names a state, as StopIteration does
    """Another attempt has taken over this run."""


def read_attempts(run_dir: Path) -> list[dict[str, Any]]:
    """Return the log's events, oldest first; a torn line is passed over."""
    return read_lines(run_dir / LOG)


def newest_attempt(run_dir: Path) -> int:
    """Return the number of the newest attempt, 0 before the first."""
    return max((event["attempt"] for event in read_attempts(run_dir)), default=0)


def append_event(run_dir: Path, attempt: int, event: str, **details: Any) -> None:
    """Add one event to the log and flush it to the disk."""
    line = {"attempt": attempt, "event": event, "unix_s": round(time.time(), 3), **details}
    path = run_dir / LOG
    # A line torn by a crash must not swallow the one that follows it.
    prefix = b"" if ends_whole(path) else b"\n"
    with path.open("ab") as file:
        file.write(prefix + json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


class Fence:
    """Tells a writer whether its attempt is still the newest of the run."""

    def __init__(self, run_dir: Path, attempt: int) -> None:
        self._run_dir = run_dir
        self.attempt = attempt
        self._seen_bytes = -1

    def check(self) -> None:
        """Do nothing while the attempt is the newest.

        Raises:
            StaleAttempt: If a newer one has begun.
        """
        num_bytes = (self._run_dir / LOG).stat().st_size
        if num_bytes == self._seen_bytes:
            return
        newest = newest_attempt(self._run_dir)
        if newest > self.attempt:
            raise StaleAttempt(
                f"attempt {self.attempt} of {self._run_dir} must not write: attempt {newest} "
                "has taken over"
            )
        self._seen_bytes = num_bytes


@contextmanager
def driver_lock(run_dir: Path) -> Iterator[None]:
    """Hold the run for this driver; the kernel lets go of it however the driver ends.

    Raises:
        ValueError: If another live driver on this machine holds it.
    """
    with (run_dir / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                f"one driver must train a run at a time, got a second one for {run_dir}; wait "
                "for the other to end, or choose another run.name"
            ) from error
        yield
