"""Files in folders of this machine: written whole or not at all."""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_BESIDE = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}")
"""Names of files that were to become another one at once."""


@contextmanager
def named_errors(path: Path | str) -> Iterator[None]:
    """Let every OSError name the file: that of `write` on a full disk does not."""
    try:
        yield
    except OSError as error:
        number = error.errno or errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def unique(name: str) -> str:
    """Return a name that no other attempt uses."""
    return f"{name}.{os.getpid()}-{secrets.token_hex(4)}"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(root: Path, temporary: str) -> int:
    """Delete what dead attempts left in a folder; return the number of files."""
    beside = [*root.glob(".*"), *root.glob("*/.*")]
    leftovers = {path for path in beside if _BESIDE.fullmatch(path.name)}
    leftovers |= set(root.glob(f"{temporary}/*"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)


def publish(temporary: Path, target: Path) -> None:
    """Give a finished, synced file its final name, in place of an older file."""
    with named_errors(target):
        temporary.replace(target)
        sync_folder(target.parent)


def _write_beside(target: Path, data: bytes) -> Path:
    beside = target.with_name(unique(f".{target.name}"))
    try:
        with named_errors(target), beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write several files; a full disk leaves all of them as they were.

    The names are moved one after the other, in order, once every byte is on disk.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            staged.append((_write_beside(path, data), path))
        for beside, path in staged:
            publish(beside, path)
    finally:
        for beside, _ in staged:
            beside.unlink(missing_ok=True)


def create_if_absent(path: Path, data: bytes) -> bool:
    """Write a file unless it exists; return whether this call made it. Of many, one wins."""
    beside = _write_beside(path, data)
    try:
        with named_errors(path):
            # A hard link fails where the name exists, and shows the whole file at once.
            os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def delete(path: Path) -> None:
    """Delete a file if there is one."""
    with named_errors(path):
        path.unlink(missing_ok=True)


def list_names(folder: Path, suffix: str) -> list[str]:
    """Return the sorted names in a folder that end in `suffix`; hidden ones are left out."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        entry.name
        for entry in entries
        if entry.name.endswith(suffix) and not entry.name.startswith(".")
    )


def list_sizes(folder: Path, suffix: str) -> dict[str, int]:
    """Return the size of each file in a folder whose name ends in `suffix`."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {e.name: e.stat().st_size for e in entries if e.name.endswith(suffix)}


def version_of(path: Path) -> tuple[int, str]:
    """Return the size of a file and the time of its last change in ns."""
    stat = path.stat()
    return stat.st_size, str(stat.st_mtime_ns)


def read_range(path: Path, offset: int, length: int) -> bytes:
    """Return at most `length` bytes from `offset` on."""
    with path.open("rb") as file:
        return os.pread(file.fileno(), length, offset)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that a killed process gives back by itself."""
    with named_errors(path):
        file = path.open("ab")
    with file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
