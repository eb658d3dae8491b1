"""metrics.jsonl: one object a line, each step once, whatever happened to the run.

In a bucket nothing is ever cut off: an attempt begins by noting from where its lines count, and the
log is folded when it is read.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shards.paths import AnyPath, StorePath
from shards.storage import write_atomic
from trainers.lines import open_log, read_lines
from trainers.parts import PartLog, cut_line, fold, part_name

LOST = "lost.jsonl"
"""What was logged after the checkpoint that a later attempt went on from."""

_TIMING_KEYS = frozenset({"train/clips_per_s", "train/data_wait", "train/step_s", "train/mfu"})
_TIMING_PREFIXES = ("time/", "memory/")


def is_timing(key: str) -> bool:
    """Return whether a figure tells of the machine, so that it differs from run to run."""
    return key in _TIMING_KEYS or key.startswith(_TIMING_PREFIXES)


def without_timings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines without such figures: what equal runs have equal bit for bit."""
    return [{key: line[key] for key in line if not is_timing(key)} for line in lines]


def read_metrics(path: AnyPath) -> list[dict[str, Any]]:
    """Return the whole lines of the log that count; a torn one at its end is passed over."""
    lines = read_lines(path)
    return fold(lines)[0] if isinstance(path, StorePath) else lines


def last_written_unix_s(path: Path) -> float | None:
    """Return when the log was last written to: the last sign of an attempt that was killed."""
    return round(path.stat().st_mtime, 3) if path.exists() else None


def read_lost(path: AnyPath) -> list[dict[str, Any]]:
    """Return what was logged after a checkpoint that a later attempt went on from.

    Args:
        path: The metrics log.
    """
    if isinstance(path, StorePath):
        return fold(read_lines(path))[1]
    return read_lines(path.with_name(LOST))


def cut_back(path: AnyPath, step: int, attempt: int = 0) -> list[int]:
    """Drop, in one atomic replacement, what was logged after `step`, and any torn line.

    What is dropped is kept in lost.jsonl beside, so that a report can lay it under the curve.

    Args:
        path: The metrics log.
        step: Of the checkpoint that the run goes on from.
        attempt: Number of the attempt that begins; a log in a bucket needs it.

    Returns:
        The training steps that were dropped: they will be done again.
    """
    lines = read_metrics(path)
    if isinstance(path, StorePath):
        write_atomic(str(path / part_name(attempt, 0)), cut_line(step))
        return [line["step"] for line in lines if line["step"] > step and "train/lr" in line]
    kept = [line for line in lines if line["step"] <= step]
    dropped = [{**line, "from_step": step} for line in lines if line["step"] > step]
    if dropped:
        with open_log(path.with_name(LOST)) as file:
            file.writelines(f"{json.dumps(line)}\n" for line in dropped)
    lost = [line["step"] for line in dropped if "train/lr" in line]
    if path.exists():
        # Also where nothing is dropped: a stale writer, past its fence by a moment, then still
        # holds the old file and cannot add to the new one.
        write_atomic(str(path), "".join(f"{json.dumps(line)}\n" for line in kept).encode())
    return lost


class MetricsLog:
    """Appends lines. Opened after `cut_back`, by one writer at a time."""

    def __init__(self, log: Path | PartLog, deliver: Callable[[], None] = lambda: None) -> None:
        """Open the log.

        Args:
            log: The file, or the parts of one in a bucket.
            deliver: Brings what was written to where it is read.
        """
        self._file = log.open("a") if isinstance(log, Path) else log
        self._deliver = deliver

    def write(self, step: int, values: dict[str, float]) -> None:
        """Write one line and hand it to the operating system. Floats keep every digit."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()

    def sync(self) -> None:
        """Flush to the disk, so that no checkpoint is newer than the log of its steps."""
        os.fsync(self._file.fileno())
        self._deliver()

    def close(self) -> None:
        """Flush and close the file."""
        self.sync()
        self._file.close()
