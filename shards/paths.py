"""Paths of a folder that lies on this machine or in a bucket, for code that serves both.

A `StorePath` has those methods of `pathlib.Path` that a bucket can serve. There are no folders in
one: what lies below a path makes it look like one, and making one does nothing. Nothing can be
appended to an object.
"""

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from shards import storage

_READERS = 16


@dataclass(frozen=True, slots=True, order=True)
class StorePath:
    """A path in a bucket, whether anything lies there or not."""

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "StorePath":
        return StorePath(storage.join(self.url, name))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> "StorePath":
        """The path without its last part."""
        return StorePath(self.url.rpartition("/")[0])

    def with_name(self, name: str) -> "StorePath":
        """Return the path of a neighbour."""
        return self.parent / name

    def absolute(self) -> "StorePath":
        """Return the path: a URL means the same everywhere."""
        return self

    def is_file(self) -> bool:
        """Return whether an object has this name."""
        return storage.exists(self.url)

    def is_dir(self) -> bool:
        """Return whether anything lies below."""
        return any(True for _ in self.sizes())

    def exists(self) -> bool:
        """Return whether an object has this name, or lies below."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator["StorePath"]:
        """Yield what lies directly below, in order of names."""
        yield from (self / name for name in sorted({name.split("/")[0] for name in self.sizes()}))

    def glob(self, pattern: str) -> Iterator["StorePath"]:
        """Yield what lies directly below and has a name of this pattern."""
        return (path for path in self.iterdir() if fnmatchcase(path.name, pattern))

    def sizes(self) -> dict[str, int]:
        """Return the size of each object below by its name from here, in order of names."""
        found = storage.list_versions(self.url, deep=True)
        start = len(self.url) + 1
        return {url[start:]: size for url, (size, _) in sorted(found.items())}

    def read_bytes(self) -> bytes:
        """Return the content."""
        return storage.read_bytes(self.url)

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text."""
        return self.read_bytes().decode(encoding, errors)

    def touch(self) -> None:
        """Write an empty object."""
        storage.write_atomic(self.url, b"")

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing."""

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Delete the object.

        Raises:
            FileNotFoundError: If there is none and that is not ok.
        """
        if not missing_ok and not self.is_file():
            raise FileNotFoundError(errno.ENOENT, "no such object", self.url)
        storage.delete(self.url)

    def delete_below(self) -> None:
        """Delete all that lies below."""
        for name in self.sizes():
            storage.delete(f"{self.url}/{name}")


AnyPath = Path | StorePath
"""Where a run may lie."""


def any_path(place: str) -> AnyPath:
    """Return the path that a setting names: a folder of this machine, or in a bucket.

    Raises:
        ValueError: If it names a store that is not known.
    """
    if storage.is_remote(place):
        return StorePath(place.rstrip("/"))
    return storage.local_path(place)


def size_of(path: AnyPath) -> int:
    """Return the size of a file in bytes."""
    return storage.size_of(str(path))


def read_all(paths: list[StorePath]) -> list[bytes]:
    """Return the contents of many objects, several at a time; empty for one that is gone."""
    if not paths:
        return []
    with ThreadPoolExecutor(min(_READERS, len(paths))) as pool:
        return list(pool.map(_read, paths))


def _read(path: StorePath) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
