"""Files whose hash was compared in this process, so that one of gigabytes is read once.

A file counts as the same while inode, size and both times are, an object while its version is.
A file that was written a moment ago could be written again without a change of its times, so it is
not remembered yet.
"""

import time

from shards.paths import AnyPath, StorePath
from shards.storage import sha256_of, version_of

_SETTLED_NS = 2_000_000_000


class Verified:
    """Remembers which file had which hash."""

    def __init__(self) -> None:
        self._known: dict[AnyPath, tuple[tuple[int | str, ...], str]] = {}

    def sha256(self, path: AnyPath) -> str:
        """Return the hash of a file, from memory where it is the same file.

        Raises:
            OSError: If it cannot be read.
        """
        before = _identity(path)
        known = self._known.get(path)
        if known is not None and known[0] == before:
            return known[1]
        sha256 = sha256_of(str(path))
        if _is_settled(path, before) and _identity(path) == before:
            self._known[path] = before, sha256
        return sha256

    def forget(self) -> None:
        """Read every file again the next time."""
        self._known.clear()


def _is_settled(path: AnyPath, identity: tuple[int | str, ...]) -> bool:
    # An object that is written again has another version, however soon.
    changed_ns = [each for each in identity[2:] if isinstance(each, int)]
    return isinstance(path, StorePath) or time.time_ns() - max(changed_ns) > _SETTLED_NS


def _identity(path: AnyPath) -> tuple[int | str, ...]:
    if isinstance(path, StorePath):
        return version_of(str(path))
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
