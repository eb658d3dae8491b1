"""Work files of this machine where the output lies elsewhere: a folder a process, and a quota.

A process holds a lock in its folder for as long as it lives, so whoever comes next can tell what
a killed one left, whatever its process number has become.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shards.stores.local import named_errors

_ALIVE = ".alive"
_FETCHED = "fetched-"
_POLL_S = 0.05

_chosen = ""
_held: dict[tuple[int, Path], tuple[Path, int]] = {}
"""Folder and lock of a process, by process and base."""


def use_scratch(folder: str) -> None:
    """Choose where the work files of this process lie from now on.

    Args:
        folder: A folder of this machine; empty: the system's folder for temporary files.
    """
    global _chosen  # noqa: PLW0603  as tempfile.tempdir is
    _chosen = folder


def own_folder() -> Path:
    """Return this process's folder in scratch, made at the first call.

    Raises:
        OSError: If it cannot be made; the message names the path.
    """
    base = _base()
    with _locked(base):
        held = _held.get((os.getpid(), base))
        if held is not None and held[0].is_dir():
            return held[0]
        _sweep(base)
        folder = base / f"{os.getpid()}-{secrets.token_hex(4)}"
        with named_errors(folder):
            folder.mkdir(mode=0o700)
            descriptor = os.open(folder / _ALIVE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _held[os.getpid(), base] = folder, descriptor
        return folder


def sweep() -> None:
    """Delete the folders of processes that are gone."""
    base = _base()
    with _locked(base):
        _sweep(base)


@contextmanager
def reserved(num_bytes: int, quota: int) -> Iterator[Path]:
    """Hold a file of `num_bytes` (a hole, to be filled); it is deleted at the end.

    Waits until it and what other processes of this machine hold fit into the quota.

    Args:
        num_bytes: Room for the file.
        quota: Bytes that all such files together may take.

    Raises:
        ValueError: If the file alone exceeds the quota.
        OSError: If the file cannot be made.
    """
    if num_bytes > quota:
        raise ValueError(
            f"shards.scratch_bytes must hold a whole video, got {quota}, which is less than "
            f"{num_bytes}"
        )
    base = _base()
    path = own_folder() / f"{_FETCHED}{secrets.token_hex(4)}"
    while not _take(base, path, num_bytes, quota):
        time.sleep(_POLL_S)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _take(base: Path, path: Path, num_bytes: int, quota: int) -> bool:
    with _locked(base):
        _sweep(base)
        taken = sum(size_of(held) for held in base.glob(f"*/{_FETCHED}*"))
        if taken + num_bytes > quota:
            return False
        with named_errors(path), path.open("xb") as file:
            file.truncate(num_bytes)
    return True


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where it was let go of since it was listed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def private_folder(path: Path, setting: str) -> Path:
    """Return a folder that only this user can look into, made where it is missing.

    Args:
        path: The folder.
        setting: The setting that chooses it, as it stands in messages.

    Raises:
        PermissionError: If it is somebody else's, or a link: in a folder that all may write to,
            anybody could have made it.
        OSError: If it cannot be made; the message names the path.
    """
    with named_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        stat = path.lstat()
    if path.is_symlink() or stat.st_uid != os.getuid():
        raise PermissionError(f"{path} must be a folder of this user; choose another {setting}")
    return path


def _base() -> Path:
    base = Path(_chosen or tempfile.gettempdir()).absolute() / f"weakvid-{os.getuid()}"
    return private_folder(base, "shards.scratch")


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    with named_errors(base):
        file = (base / ".lock").open("ab")
    with file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def _sweep(base: Path) -> None:
    for folder in base.iterdir():
        if folder.is_dir() and not is_held(folder / _ALIVE):
            shutil.rmtree(folder, ignore_errors=True)


def is_held(path: Path) -> bool:
    """Return whether there is a file and a process holds its lock."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
