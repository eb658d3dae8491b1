"""One driver an output folder. The lock of a killed driver is free again by itself."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from shards import storage
from shards.lease import hold_lease

LOCK = ".driver.lock"


@contextmanager
def hold_output(out: str) -> Iterator[None]:
    """Create the folder, prove that it can be written, and hold it.

    Raises:
        ValueError: If it cannot be written, or another driver holds it.
    """
    path = storage.join(out, LOCK)
    if storage.is_remote(out):
        with _remote(path, out):
            yield
        return
    try:
        storage.make_folder(out)
        file = storage.local_path(path).open("a+")
    except OSError as error:
        raise ValueError(
            f"shards.out must be a folder that can be written, got {out!r}: {error}"
        ) from error
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ValueError(
                f"shards.out must have one driver at a time, got {out!r}, which is held by "
                f"{file.read().strip() or 'another one'}"
            ) from None
        _sign(file.fileno(), out)
        yield


@contextmanager
def _remote(path: str, out: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lease(path))
        except OSError as error:
            raise ValueError(
                f"shards.out must be a bucket that can be written, got {out!r}: {error}"
            ) from error
        yield


def _sign(descriptor: int, out: str) -> None:
    """Write who holds the folder, and thereby prove that there is room for at least that."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        os.fsync(descriptor)
    except OSError as error:
        raise ValueError(
            f"shards.out must be a folder that can be written, got {out!r}: {error}"
        ) from error
