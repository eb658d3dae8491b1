"""Files of an output folder: written whole or not at all.

The only module that knows where outputs lie. Paths are strings so that another kind of store
can be added here without a change above.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TEMPORARY = "_tmp"
"""Subfolder for files that are not finished. Whatever a dead process left there is garbage."""

CHUNK_BYTES = 1 << 20

_BESIDE = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}")
"""Names of files that were to become another one at once."""


def local_path(path: str) -> Path:
    """Return the path on this machine.

    Raises:
        ValueError: If the path names another kind of store, or runs a command (`pipe:`).
    """
    scheme, separator, rest = path.partition("://")
    if separator and scheme == "file":
        return Path(rest)
    if separator or path.startswith("pipe:"):
        raise ValueError(f"outputs must lie in a folder on this machine, got {path!r}")
    return Path(path)


def join(folder: str, *names: str) -> str:
    """Return the path of a file in a folder."""
    return "/".join([folder.rstrip("/") or "/", *names])


@contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Let every OSError name the file: that of `write` on a full disk does not."""
    try:
        yield
    except OSError as error:
        number = error.errno or errno.EIO
        raise OSError(number, os.strerror(number), path) from error


def sync_folder(path: str) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(local_path(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: str) -> None:
    """Create a folder and those above it."""
    local_path(path).mkdir(parents=True, exist_ok=True)


def temporary_path(out: str, name: str) -> str:
    """Return a path in OUT/_tmp that no other attempt uses."""
    make_folder(join(out, TEMPORARY))
    return join(out, TEMPORARY, f"{name}.{os.getpid()}-{secrets.token_hex(4)}")


def sweep_temporary(out: str) -> int:
    """Delete what dead attempts left in OUT; return the number of files.

    Call it only while nothing builds into OUT.
    """
    root = local_path(out)
    beside = [*root.glob(".*"), *root.glob("*/.*")]
    leftovers = {path for path in beside if _BESIDE.fullmatch(path.name)}
    leftovers |= set(root.glob(f"{TEMPORARY}/*"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)


def publish(temporary: str, path: str) -> None:
    """Give a finished, synced file its final name, in place of an older file."""
    with named_errors(path):
        local_path(temporary).replace(local_path(path))
        sync_folder(str(local_path(path).parent))


def _write_beside(path: str, data: bytes) -> Path:
    target = local_path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with named_errors(path), beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside


def write_atomic(path: str, data: bytes) -> None:
    """Write a file so that its name shows the old or the new content, never a part."""
    write_all_atomic({path: data})


def write_all_atomic(files: Mapping[str, bytes]) -> None:
    """Write several files; a full disk leaves all of them as they were.

    The names are moved one after the other, in order, once every byte is on disk.
    """
    staged: list[tuple[Path, str]] = []
    try:
        for path, data in files.items():
            staged.append((_write_beside(path, data), path))
        for beside, path in staged:
            publish(str(beside), path)
    finally:
        for beside, _ in staged:
            beside.unlink(missing_ok=True)


def create_if_absent(path: str, data: bytes) -> bool:
    """Write a file unless it exists; return whether this call made it. Of many, one wins."""
    beside = _write_beside(path, data)
    try:
        with named_errors(path):
            # A hard link fails where the name exists, and shows the whole file at once.
            os.link(beside, local_path(path))
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(str(local_path(path).parent))
    return True


def exists(path: str) -> bool:
    """Return whether there is a file or folder of this name."""
    return local_path(path).exists()


def delete(path: str) -> None:
    """Delete a file if there is one."""
    with named_errors(path):
        local_path(path).unlink(missing_ok=True)


def list_names(folder: str, suffix: str) -> list[str]:
    """Return the sorted names in a folder that end in `suffix`; hidden ones are left out."""
    root = local_path(folder)
    entries = root.iterdir() if root.is_dir() else ()
    return sorted(
        entry.name
        for entry in entries
        if entry.name.endswith(suffix) and not entry.name.startswith(".")
    )


def size_of(path: str) -> int:
    """Return the size of a file in bytes."""
    return local_path(path).stat().st_size


def open_read(path: str) -> IO[bytes]:
    """Open a file for reading."""
    return local_path(path).open("rb")


def read_bytes(path: str) -> bytes:
    """Return a whole file."""
    return local_path(path).read_bytes()


def read_range(path: str, offset: int, length: int) -> bytes:
    """Return at most `length` bytes from `offset` on."""
    with open_read(path) as file:
        return os.pread(file.fileno(), length, offset)


def read_json(path: str) -> Any:
    """Return the value in a JSON file.

    Raises:
        ValueError: If it is not JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON, got: {error}") from error


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with open_read(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold a lock that a killed process gives back by itself."""
    with named_errors(path):
        file = local_path(path).open("ab")
    with file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
