"""Where a worker is: a line in a file of its own, overwritten at each phase of a step.

It outlives the worker however that ends, so the driver can say in what step and phase one died.
"""

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

from shards.paths import AnyPath, StorePath, read_all
from trainers.loop import folder
from trainers.loop.desk import desk_folder
from trainers.loop.inhand import RowsInHand

START = "start"
"""The phase before the first step."""

_LINE_BYTES = 512


class Beat(NamedTuple):
    """A phase of a step that a worker entered."""

    step: int
    """Steps that were finished when it began."""

    phase: str
    monotonic_s: float


class Heartbeat:
    """Notes a worker's phases. A beat costs microseconds: a write to a page of the file cache."""

    def __init__(self, run_dir: Path, attempt: int, worker: int, node: str = "") -> None:
        """Begin in the phase `start`; `node` is Ray's id of the machine, where there is one."""
        path = _path(run_dir, attempt, worker)
        path.parent.mkdir(exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        self._who = {"worker": worker, "pid": os.getpid(), "host": socket.gethostname()}
        self._who["node"] = node
        self.in_hand = RowsInHand(run_dir, attempt, worker)
        self._first: int | None = None
        self.last = Beat(0, START, time.monotonic())
        self.beat(0, START)

    @property
    def starting(self) -> bool:
        """Whether the worker's first step is still to be finished."""
        return self._first is None or self.last.step == self._first

    def beat(self, step: int, phase: str) -> None:
        """Note that the worker enters `phase` after `step` finished steps."""
        self.last = Beat(step, phase, time.monotonic())
        if self._first is None and phase != START:
            self._first = step
        line = {"step": step, "phase": phase, "unix_s": round(time.time(), 3), **self._who}
        text = json.dumps(line).encode().ljust(_LINE_BYTES - 1) + b"\n"
        os.pwrite(self._file, text, 0)

    def close(self) -> None:
        """Close the files; what they say stays."""
        os.close(self._file)
        self.in_hand.close()


def read_heartbeats(run_dir: AnyPath, attempt: int) -> list[dict[str, Any]]:
    """Return where the workers of an attempt are or were, in their order.

    Each has `worker`, `step`, `phase`, `unix_s`, `pid`, `host` and `node`. One that is being
    written at this moment may be missing.
    """
    beats = []
    for data in _contents(run_dir / folder.HEARTBEATS, f"attempt-{attempt}-worker-*.json"):
        try:
            beats.append(json.loads(data))
        except ValueError:
            continue
    return sorted(beats, key=lambda beat: beat["worker"])


def _contents(base: AnyPath, pattern: str) -> list[bytes]:
    if isinstance(base, StorePath):
        return read_all(list(base.glob(pattern)))
    contents = []
    for path in base.glob(pattern):
        with contextlib.suppress(OSError):
            contents.append(path.read_bytes())
    return contents


def remove_heartbeats(run_dir: AnyPath, newest: int) -> None:
    """Remove the files of attempts before `newest`."""
    for base in {run_dir, desk_folder(run_dir)}:
        for path in (base / folder.HEARTBEATS).glob("attempt-*-worker-*"):
            if int(path.name.split("-")[1]) < newest:
                path.unlink(missing_ok=True)


def _path(run_dir: Path, attempt: int, worker: int) -> Path:
    return run_dir / folder.HEARTBEATS / f"attempt-{attempt}-worker-{worker}.json"
