"""Which samples a worker has in hand: in a file that outlives it, so a culprit can be named.

The file holds int64 numbers: some slots, each with a row that is being read or -1, then the number
of rows of the step under way, then these rows.
"""

import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shards.paths import AnyPath
from trainers.loop import folder
from trainers.loop.desk import desk_folder

_SLOTS = 64
"""Rows that are noted while they are read; of more at a time, the others are not."""

_NUMBER = struct.Struct("<q")


class RowsInHand:
    """Notes rows as they are read and trained on, a write of some bytes each."""

    def __init__(self, run_dir: Path, attempt: int, worker: int) -> None:
        """Begin with nothing in hand."""
        path = _path(run_dir, attempt, worker)
        path.parent.mkdir(exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        os.pwrite(self._file, _NUMBER.pack(-1) * _SLOTS + _NUMBER.pack(0), 0)
        self._free, self._lock = list(reversed(range(_SLOTS))), threading.Lock()

    @contextmanager
    def reading(self, row: int) -> Iterator[None]:
        """Have a row in hand while it is read. An error leaves it there: it is the culprit."""
        with self._lock:
            slot = self._free.pop() if self._free else None
        if slot is None:
            yield
            return
        try:
            os.pwrite(self._file, _NUMBER.pack(row), slot * _NUMBER.size)
            yield
            os.pwrite(self._file, _NUMBER.pack(-1), slot * _NUMBER.size)
        finally:
            with self._lock:
                self._free.append(slot)

    def stepping(self, rows: Sequence[int]) -> None:
        """Have the rows of a step in hand, instead of those of the step before."""
        numbers = struct.pack(f"<{len(rows) + 1}q", len(rows), *rows)
        os.pwrite(self._file, numbers, _SLOTS * _NUMBER.size)

    def close(self) -> None:
        """Close the file; what it says stays."""
        os.close(self._file)


def read_rows(run_dir: AnyPath, attempt: int, worker: int) -> list[int]:
    """Return the rows that a worker has or had in hand; none where it left no whole file."""
    try:
        data = _newest(run_dir, attempt, worker).read_bytes()
        numbers = struct.unpack(f"<{len(data) // _NUMBER.size}q", data)
    except (OSError, struct.error):
        return []
    if len(numbers) <= _SLOTS:
        return []
    count = numbers[_SLOTS]
    return [row for row in numbers[:_SLOTS] if row >= 0] + [*numbers[_SLOTS + 1 :][:count]]


def _newest(run_dir: AnyPath, attempt: int, worker: int) -> AnyPath:
    """Return the file itself where it was written here, else what was brought of it."""
    here = _path(desk_folder(run_dir), attempt, worker)
    if isinstance(run_dir, Path) or here.exists():
        return here
    return run_dir / folder.HEARTBEATS / here.name


def _path(run_dir: Path, attempt: int, worker: int) -> Path:
    return run_dir / folder.HEARTBEATS / f"attempt-{attempt}-worker-{worker}.rows"
