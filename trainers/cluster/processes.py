"""Processes of a node that we started: told from others, found again, and ended by their ids."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.1
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and when it began: ids are used again."""

    pid: int
    began: int
    """Ticks since the machine started."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs still; one that waits to be buried does not."""
        now = _read(self.pid)
        return now is not None and now.process == self and now.state != "Z"

    def send(self, number: int) -> None:
        """Send a signal, unless it has gone by now."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(frozen=True, slots=True)
class _Entry:
    process: Process
    state: str
    parent: int
    session: int


def process(pid: int) -> Process | None:
    """Return what runs with this id, None where nothing does."""
    entry = _read(pid)
    return entry.process if entry else None


def family(first: Process) -> set[Process]:
    """Return a process with all that it started: its session, and whatever descends from it."""
    if not first.is_alive:
        return set()
    entries = list(_entries())
    found = {entry.process for entry in entries if entry.session == first.pid} | {first}
    while True:
        pids = {one.pid for one in found}
        more = {one.process for one in entries if one.parent in pids} - found
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
    return {entry.process for entry in _entries() if entry.parent in pids}


def _entries() -> Iterator[_Entry]:
    for path in _PROC.iterdir():
        if path.name.isdecimal() and (entry := _read(int(path.name))):
            yield entry


def _read(pid: int) -> _Entry | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of a program stands in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    return _Entry(Process(pid, int(fields[19])), fields[0], int(fields[1]), int(fields[3]))
