"""Files of sources and outputs, wherever they lie: a thin dispatch on the scheme of a path.

The only module that knows where files lie. A path on this machine goes to `stores.local`; s3://,
gs:// and http(s):// go to `stores.objects`. Work files are always local: an object store gets
them whole, under their final name.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from shards.stores import local, objects, scratch
from shards.stores.address import is_remote, local_path, shown
from shards.stores.local import named_errors
from shards.stores.retry import num_retries
from shards.stores.scratch import use_scratch

__all__ = ["is_remote", "local_path", "named_errors", "num_retries", "shown", "use_scratch"]

TEMPORARY = "_tmp"
"""Subfolder for files that are not finished. Whatever a dead process left there is garbage."""

CHUNK_BYTES = 1 << 20


def absolute(path: str) -> str:
    """Return a path that means the same in every process: absolute, or the URL itself.

    Raises:
        ValueError: If the path names no store that is known.
    """
    return path.rstrip("/") if is_remote(path) else str(local_path(path).absolute())


def join(folder: str, *names: str) -> str:
    """Return the path of a file in a folder."""
    return "/".join([folder.rstrip("/") or "/", *names])


def sync_folder(path: str) -> None:
    """Make the names in a folder survive a power cut."""
    if not is_remote(path):
        local.sync_folder(local_path(path))


def make_folder(path: str) -> None:
    """Create a folder and those above it; in an object store there are none."""
    if not is_remote(path):
        local_path(path).mkdir(parents=True, exist_ok=True)


def temporary_path(out: str, name: str) -> str:
    """Return a path on this machine that no other attempt uses.

    OUT/_tmp serves where OUT is local, else a folder of this process in scratch.
    """
    if is_remote(out):
        return str(scratch.own_folder() / local.unique(name))
    make_folder(join(out, TEMPORARY))
    return join(out, TEMPORARY, local.unique(name))


def sweep_temporary(out: str) -> int:
    """Delete what dead attempts left of OUT; return the number of files.

    Call it only while nothing builds into OUT.
    """
    if is_remote(out):
        scratch.sweep()
        return objects.sweep(join(out, TEMPORARY))
    return local.sweep(local_path(out), TEMPORARY)


def publish(temporary: str, path: str) -> None:
    """Give a finished, synced local file its final name, in place of an older file."""
    if is_remote(path):
        objects.upload(local_path(temporary), path)
        delete(temporary)
        return
    local.publish(local_path(temporary), local_path(path))


def write_atomic(path: str, data: bytes) -> None:
    """Write a file so that its name shows the old or the new content, never a part."""
    write_all_atomic({path: data})


def write_all_atomic(files: Mapping[str, bytes]) -> None:
    """Write several files of one store in order.

    Locally a full disk leaves all of them as they were. In an object store each is whole or
    as it was.
    """
    if any(map(is_remote, files)):
        for path, data in files.items():
            objects.write(path, data)
        return
    local.write_all({local_path(path): data for path, data in files.items()})


def create_if_absent(path: str, data: bytes) -> bool:
    """Write a file unless it exists; return whether this call made it. Of many, one wins."""
    if is_remote(path):
        return objects.create_if_absent(path, data)
    return local.create_if_absent(local_path(path), data)


def replace_if(path: str, data: bytes, version: str) -> str:
    """Write an object of a bucket in place of that version; return the new version.

    Returns:
        Empty where it has another version by now, or is gone: then nothing is written.
    """
    return objects.replace_if(path, data, version)


def exists(path: str) -> bool:
    """Return whether there is a file of this name; on this machine a folder counts too."""
    return objects.exists(path) if is_remote(path) else local_path(path).exists()


def delete(path: str) -> None:
    """Delete a file if there is one."""
    if is_remote(path):
        objects.delete(path)
    else:
        local.delete(local_path(path))


def list_names(folder: str, suffix: str) -> list[str]:
    """Return the sorted names in a folder that end in `suffix`; hidden ones are left out."""
    if is_remote(folder):
        return objects.list_names(folder, suffix)
    return local.list_names(local_path(folder), suffix)


def list_sizes(folder: str, suffix: str) -> dict[str, int]:
    """Return the size in bytes of each file in a folder whose name ends in `suffix`."""
    if is_remote(folder):
        found = objects.list_versions(folder).items()
        return {path.rpartition("/")[2]: size for path, (size, _) in found if path.endswith(suffix)}
    return local.list_sizes(local_path(folder), suffix)


def list_versions(folder: str, *, deep: bool = False) -> dict[str, tuple[int, str]]:
    """Return size and version, as `version_of` does, of each object directly in a folder.

    With `deep`, of those in folders below it too.

    Raises:
        ValueError: If the folder is not in a bucket.
    """
    return objects.list_versions(folder, deep)


def version_of(path: str) -> tuple[int, str]:
    """Return the size of a file in bytes and an opaque version of its content.

    The size is -1 and the version empty where a web server does not tell.

    Raises:
        OSError: If there is no such file, or it cannot be read.
    """
    return objects.version_of(path) if is_remote(path) else local.version_of(local_path(path))


def size_of(path: str) -> int:
    """Return the size of a file in bytes."""
    return version_of(path)[0]


def open_read(path: str) -> IO[bytes]:
    """Open a file for reading, from any place; a remote one is fetched piece by piece."""
    return objects.open_read(path) if is_remote(path) else local_path(path).open("rb")


def read_bytes(path: str) -> bytes:
    """Return a whole file."""
    return objects.read_bytes(path) if is_remote(path) else local_path(path).read_bytes()


def read_range(path: str, offset: int, length: int) -> bytes:
    """Return at most `length` bytes from `offset` on."""
    if is_remote(path):
        return objects.read_range(path, offset, length)
    return local.read_range(local_path(path), offset, length)


def download(path: str, target: Path, expected: tuple[int, str], max_bytes: int) -> int:
    """Copy a remote file to a local one; return its size in bytes.

    Args:
        path: A URL.
        target: The local file; what is in it is overwritten.
        expected: Size and version it must have, as `version_of` told them.
        max_bytes: More than this is refused before it reaches the disk.

    Raises:
        OSError: If it cannot be fetched, or the disk is full.
        shards.stores.errors.ChangedError: If it has another version, also while it is read.
        shards.stores.errors.TooLargeError: If it is larger than `max_bytes`.
    """
    return objects.download(path, target, expected, max_bytes)


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
    """Hold a lock that a killed process gives back by itself.

    An object store has none: there, names by content and create-if-absent do its work.
    """
    if is_remote(path):
        yield
        return
    with local.locked(local_path(path)):
        yield
