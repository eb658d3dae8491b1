"""What this machine has of shards: notes of which were checked, and copies of remote ones.

All processes of the machine share one folder, so a shard is hashed once, and fetched once, however
many workers read it and however often they are started again. It may be deleted at any time.

    checked/AB/KEY    empty file: a file of this path, size, time and hash was read and is right
    copies/HASH.tar   a remote shard, checked; the least recently used go when room is needed
    copies/HASH.part  one that is being fetched, of its full size; locked as long as it is
"""

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shards import storage
from shards.stores.local import named_errors
from shards.stores.scratch import is_held, private_folder, size_of

logger = logging.getLogger(__name__)

POLL_S = 0.1
TRIES = 2
"""Times that a shard is fetched whose bytes are wrong: the second time they mostly are not."""


class DamagedShard(ValueError):  # noqa: N818 - it names a thing, as the reject codes do
    """A shard is not the one that the manifest names."""


class MachineShards:
    """Checks shards, and copies remote ones. Safe to use from several threads and processes.

    Args:
        folder: Folder of this machine; empty: in the system's folder for temporary files.
        quota: Bytes of all copies.
    """

    def __init__(self, folder: str, quota: int) -> None:
        base = Path(folder or tempfile.gettempdir()).absolute() / f"weakvid-shards-{os.getuid()}"
        self._base = private_folder(base, "data.copies")
        self._quota = quota
        for name in ("checked", "copies", "locks"):
            private_folder(base / name, "data.copies")

    def check(self, path: str, sha256: str, num_bytes: int) -> None:
        """Do nothing when a file of this machine is the shard of that hash.

        Raises:
            DamagedShard: If it is another, naming both hashes.
            OSError: If it cannot be read.
        """
        found, version = storage.version_of(path)
        if found != num_bytes:
            raise DamagedShard(f"{path} must have {num_bytes} bytes, got {found}")
        key = hashlib.sha256(f"{path}\0{found}\0{version}\0{sha256}".encode()).hexdigest()
        note = self._base / "checked" / key[:2] / key
        if note.exists():
            return
        with self._locked(key[:2]):
            if note.exists():
                return
            _compare(path, path, sha256)
            with named_errors(note):
                note.parent.mkdir(exist_ok=True)
                note.touch()

    def copy(self, path: str, sha256: str, num_bytes: int) -> Path:
        """Return a checked copy of a remote shard; use it at once, it may go again.

        Raises:
            DamagedShard: If the shard is another, also when it is fetched again.
            OSError: If it cannot be fetched, or the disk is full.
            ValueError: If it alone is larger than the quota.
        """
        target = self._base / "copies" / f"{sha256}.tar"
        if _used(target):
            return target
        if num_bytes > self._quota:
            raise ValueError(
                f"data.copies_gib must hold a whole shard, got {self._quota} bytes, which is less "
                f"than the {num_bytes} of {storage.shown(path)}"
            )
        with self._locked(sha256[:2]):
            if _used(target):
                return target
            with self._room(target.with_suffix(".part"), num_bytes) as part:
                _fetch(path, part, sha256, num_bytes)
                part.replace(target)
        return target

    @contextmanager
    def _room(self, part: Path, num_bytes: int) -> Iterator[Path]:
        """Hold a file that takes up its room from the start; it is deleted unless renamed."""
        while (descriptor := self._take(part, num_bytes)) is None:
            time.sleep(POLL_S)
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
            os.close(descriptor)

    def _take(self, part: Path, num_bytes: int) -> int | None:
        """Return the locked file of a part, or None while others' parts leave no room for it."""
        with self._locked("room"):
            taken = sum(size_of(path) for path in part.parent.glob("*.part") if not _gone(path))
            copies = sorted(part.parent.glob("*.tar"), key=_last_use)
            taken += sum(size_of(path) for path in copies)
            for path in copies:
                if taken + num_bytes <= self._quota:
                    break
                taken -= size_of(path)
                path.unlink(missing_ok=True)
            if taken + num_bytes > self._quota:
                return None
            with named_errors(part):
                descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                os.ftruncate(descriptor, num_bytes)
            return descriptor

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with storage.locked(str(self._base / "locks" / name)):
            yield


def _fetch(path: str, part: Path, sha256: str, num_bytes: int) -> None:
    for left in reversed(range(TRIES)):
        found, version = storage.version_of(path)
        if found not in {-1, num_bytes}:
            raise DamagedShard(f"{storage.shown(path)} must have {num_bytes} bytes, got {found}")
        storage.download(path, part, (found, version), num_bytes)
        try:
            return _compare(str(part), storage.shown(path), sha256)
        except DamagedShard as error:
            if not left:
                raise
            logger.warning("%s; it is fetched again", error)
    return None


def _compare(path: str, shown: str, sha256: str) -> None:
    found = storage.sha256_of(path)
    if found != sha256:
        raise DamagedShard(f"{shown} must have SHA-256 {sha256}, got {found}: it is damaged")


def _used(path: Path) -> bool:
    """Return whether there is a copy, and note that it is in use."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _gone(part: Path) -> bool:
    """Delete what a killed process left of a copy, and say whether it was that."""
    if is_held(part):
        return False
    part.unlink(missing_ok=True)
    return True
