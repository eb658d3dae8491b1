"""Logs of one JSON object a line, as a killed writer may leave them."""

import json
import logging
import os
from pathlib import Path
from typing import IO, Any, Protocol

from shards import storage
from shards.paths import AnyPath, StorePath
from trainers.parts import CUT, read_parts

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 4 * 2**20


def read_lines(path: AnyPath) -> list[dict[str, Any]]:
    """Return the whole lines of a log, oldest first; a torn one is passed over."""
    if isinstance(path, StorePath):
        return _parse(read_parts(path))
    if not path.exists():
        return []
    return _parse(path.read_bytes())


def open_log(path: Path) -> IO[str]:
    """Open a log to add lines; one torn by a crash must not swallow the first of them."""
    is_torn = not ends_whole(path)
    file = path.open("a")
    if is_torn:
        file.write("\n")
    return file


def ends_whole(path: Path) -> bool:
    """Return whether the next line can be added as it is."""
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


class Follows(Protocol):
    """Reads a log while it grows."""

    def new_lines(self) -> list[dict[str, Any]]:
        """Return some whole lines that were added, oldest first; none when all are read."""
        ...


def follow(path: AnyPath) -> Follows:
    """Return what reads a log while it grows."""
    return PartFollower(path) if isinstance(path, StorePath) else LineFollower(path)


class LineFollower:
    """Reads a log while it grows; from the start again once it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._offset = -1, 0

    def new_lines(self) -> list[dict[str, Any]]:
        """Return some whole lines that were added, oldest first; none when all are read."""
        try:
            with self._path.open("rb") as file:
                self._begin_again_where_replaced()
                file.seek(self._offset)
                data = file.read(_CHUNK_BYTES)
        except FileNotFoundError:
            return []
        whole = data.rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        return _parse(whole)

    def _begin_again_where_replaced(self) -> None:
        status = self._path.stat()
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._inode, self._offset = status.st_ino, 0


class PartFollower:
    """Reads a log in a bucket while its parts grow and come to be more."""

    def __init__(self, path: StorePath) -> None:
        self._path = path
        self._read: dict[str, int] = {}
        self._behind: list[tuple[str, int]] = []
        self._is_away = False

    def new_lines(self) -> list[dict[str, Any]]:
        """Return some whole lines that were added, oldest first; none when all are read."""
        try:
            found = self._next_lines()
        except OSError as error:
            if not self._is_away:
                logger.warning("%s cannot be followed for now: %s", self._path, error)
            self._is_away = True
            return []
        self._is_away = False
        return found

    def _next_lines(self) -> list[dict[str, Any]]:
        # Listed once for all parts that have grown.
        self._behind = self._behind or [*self._path.sizes().items()]
        while self._behind:
            name, size = self._behind.pop(0)
            begin = self._read.get(name, 0)
            if size <= begin:
                continue
            data = storage.read_range(str(self._path / name), begin, size - begin)
            whole = data.rpartition(b"\n")[0]
            self._read[name] = begin + len(whole) + 1 if whole else begin
            if lines := [line for line in _parse(whole) if CUT not in line]:
                return lines
        return []


def _parse(data: bytes) -> list[dict[str, Any]]:
    lines = []
    for line in data.split(b"\n"):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            lines.append(found)
    return lines
