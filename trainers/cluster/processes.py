"""Processes of a node that we started: told from others, found again, and ended by their ids."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shards.processes import PROC, Status, status_of

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and when it began: ids are used again."""

    pid: int
    began: int
    """Ticks since the machine started."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs still; one that waits to be buried does not."""
        now = status_of(self.pid)
        return now is not None and now.began == self.began and now.state != "Z"

    def send(self, number: int) -> None:
        """Send a signal, unless it has gone by now."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def process(pid: int) -> Process | None:
    """Return what runs with this id, None where nothing does."""
    status = status_of(pid)
    return Process(pid, status.began) if status else None


def family(first: Process) -> set[Process]:
    """Return a process with all that it started: its session, and whatever descends from it."""
    if not first.is_alive:
        return set()
    entries = list(_entries())
    found = {one for one, status in entries if status.session == first.pid} | {first}
    while True:
        pids = {one.pid for one in found}
        more = {one for one, status in entries if status.parent in pids} - found
        if not more:
            return found
        found |= more


def end(first: Process, grace_s: float) -> int:
    """End a process and all that it started, gently first; return how many had to be killed."""
    known = family(first)
    first.send(signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(one.is_alive for one in known) and time.monotonic() < deadline:
        time.sleep(POLL_S)
        # Who was started in the meantime belongs to it as well.
        known |= _children(known)
    left = [one for one in known if one.is_alive]
    for one in left:
        one.send(signal.SIGKILL)
    return len(left)


def _children(known: Iterable[Process]) -> set[Process]:
    pids = {one.pid for one in known if one.is_alive}
    return {one for one, status in _entries() if status.parent in pids}


def _entries() -> Iterator[tuple[Process, Status]]:
    for path in PROC.iterdir():
        if path.name.isdecimal() and (status := status_of(int(path.name))):
            yield Process(int(path.name), status.began), status
