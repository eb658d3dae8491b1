"""Logs in a bucket: nothing can be appended to an object, so a log is a folder of parts.

    metrics.jsonl/00000003-000000.jsonl    attempt 3 cuts the log back to the step it went on from
                  00000003-000001.jsonl    its lines; a part is written anew while it grows

The parts of one attempt are written by one process. In the order of their names they are the log.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shards.paths import StorePath, read_all

PART_BYTES = 1 << 20
"""A part that has so much is not written any further: it would be sent whole each time."""

CUT = "cut_back_to"
"""Key of a line that takes all earlier lines after a step out of the log."""

_NAME = re.compile(r"(\d{8,})-\d+.*\.jsonl")


def part_name(attempt: int, number: int) -> str:
    """Return the name of a part; number 0 is left for a cut."""
    return f"{attempt:08d}-{number:06d}.jsonl"


def attempt_of_part(name: str) -> int:
    """Return the number of the attempt that wrote a part, 0 where the name tells none."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else 0


def read_parts(log: StorePath) -> bytes:
    """Return all parts one after the other."""
    return b"\n".join(read_all(list(log.iterdir())))


def fold(lines: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the lines that count, and those that a later attempt has cut off."""
    kept: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    for line in lines:
        if CUT not in line:
            kept.append(line)
            continue
        step = line[CUT]
        lost += [{**one, "from_step": step} for one in kept if one["step"] > step]
        kept = [one for one in kept if one["step"] <= step]
    return kept, lost


class PartLog:
    """Appends lines to parts in a folder of this machine, whence they are brought to the bucket."""

    def __init__(self, folder: Path, attempt: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._attempt = folder, attempt
        self._numbers = self._free_numbers()
        self._open()

    def write(self, text: str) -> None:
        """Add whole lines."""
        if self._file.tell() > PART_BYTES:
            self._file.close()
            self._open()
        self._file.write(text.encode())

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._file.flush()

    def fileno(self) -> int:
        """Return the descriptor of the last part."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the last part."""
        self._file.close()

    def _free_numbers(self) -> Iterator[int]:
        number = 1
        while True:
            if not (self._folder / part_name(self._attempt, number)).exists():
                yield number
            number += 1

    def _open(self) -> None:
        self.path = self._folder / part_name(self._attempt, next(self._numbers))
        self._file = self.path.open("wb")


def cut_line(step: int) -> bytes:
    """Return what the first part of an attempt says."""
    return json.dumps({CUT: step}).encode() + b"\n"
