"""Objects in a bucket or on a web server: what `shards.storage` needs, each request persistent."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from shards.stores.address import WEB, scheme_of, shown
from shards.stores.errors import ChangedError, TooLargeError
from shards.stores.local import named_errors
from shards.stores.ranged import PIECE_BYTES, open_ranged
from shards.stores.retry import TRIES, num_retries, persistently

GRACE_S = 60.0
LEAST_BYTES_PER_S = 32 << 10
"""A download may take `GRACE_S`, and as long as its bytes take at this rate."""

_lock = threading.Lock()
_stores: dict[tuple[int, str], "Store"] = {}
"""By process: what a library keeps of connections and threads does not survive a fork."""


class Store(Protocol):
    """One request a call; `TransientError` where it may be sent again.

    A version is "" where it is not known; `tries` is None for the usual number.
    """

    tries: int | None

    def head(self, path: str) -> tuple[int, str]: ...
    def get(
        self, path: str, start: int, end: int | None, version: str = ""
    ) -> tuple[bytes, str]: ...
    def put(self, path: str, data: bytes, *, create: bool = False, replaces: str = "") -> str: ...
    def upload(self, source: Path, path: str) -> None: ...
    def delete(self, path: str) -> None: ...
    def page(
        self, folder: str, token: str, *, deep: bool = False
    ) -> tuple[list[tuple[str, int, str]], str]: ...


def _store(path: str) -> Store:
    scheme = scheme_of(path)
    with _lock:
        key = os.getpid(), "http" if scheme in WEB else scheme
        if key not in _stores:
            _stores[key] = _open(scheme)
        return _stores[key]


def _open(scheme: str) -> Store:
    try:
        match scheme:
            case "s3":
                from shards.stores.s3 import S3Store

                return S3Store()
            case "gs":
                from shards.stores.gs import GcsStore

                return GcsStore()
            case "http" | "https":
                from shards.stores.web import WebStore

                return WebStore()
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{scheme}:// needs the package {error.name}, got none; "
            f"`pip install weakvid[{'gs' if scheme == 'gs' else 's3'}]`"
        ) from error
    raise ValueError(f"an object must lie in a store that is known, got {scheme!r}")


def _tries(store: Store) -> int:
    return TRIES if store.tries is None else store.tries


def version_of(path: str) -> tuple[int, str]:
    store = _store(path)
    return persistently(shown(path), lambda: store.head(path), _tries(store))


def exists(path: str) -> bool:
    try:
        version_of(path)
    except FileNotFoundError:
        return False
    return True


def read_bytes(path: str) -> bytes:
    return _get(path, 0, None)


def read_range(path: str, offset: int, length: int) -> bytes:
    return _get(path, offset, offset + length)


def _get(path: str, start: int, end: int | None, version: str = "") -> bytes:
    store = _store(path)
    data, _ = persistently(shown(path), lambda: store.get(path, start, end, version), _tries(store))
    return data


def open_read(path: str) -> IO[bytes]:
    num_bytes, version = version_of(path)
    if num_bytes < 0:
        raise OSError(f"{shown(path)} must say how long it is to be read from any place")
    return open_ranged(num_bytes, lambda start, end: _get(path, start, end, version))


def write(path: str, data: bytes) -> None:
    store = _store(path)
    persistently(shown(path), lambda: store.put(path, data), _tries(store))


def upload(source: Path, path: str) -> None:
    """Put a file under a name; each request of an upload in parts is sent persistently."""
    _store(path).upload(source, path)


def create_if_absent(path: str, data: bytes) -> bool:
    store = _store(path)
    before = num_retries()
    try:
        persistently(shown(path), lambda: store.put(path, data, create=True), _tries(store))
    except FileExistsError:
        # If the answer to the first try was lost, the second one meets our own object.
        is_in_doubt = store.tries is not None or num_retries() != before
        return is_in_doubt and read_bytes(path) == data
    return True


def replace_if(path: str, data: bytes, version: str) -> str:
    store = _store(path)
    try:
        return persistently(
            shown(path), lambda: store.put(path, data, replaces=version), _tries(store)
        )
    except (ChangedError, FileNotFoundError):
        pass
    try:
        found, now = persistently(shown(path), lambda: store.get(path, 0, None), _tries(store))
    except FileNotFoundError:
        return ""
    return now if found == data else ""


def delete(path: str) -> None:
    store = _store(path)
    try:
        persistently(shown(path), lambda: store.delete(path), _tries(store))
    except FileNotFoundError:
        return


def _entries(folder: str, deep: bool = False) -> Iterator[tuple[str, int, str]]:
    store, token = _store(folder), ""
    while True:
        entries, token = persistently(
            shown(folder), lambda token=token: store.page(folder, token, deep=deep), _tries(store)
        )
        yield from entries
        if not token:
            return


def list_names(folder: str, suffix: str) -> list[str]:
    return sorted(
        name
        for name, _, _ in _entries(folder)
        if name and name.endswith(suffix) and not name.startswith(".")
    )


def list_versions(folder: str, deep: bool = False) -> dict[str, tuple[int, str]]:
    base, entries = folder.rstrip("/"), _entries(folder, deep)
    return {f"{base}/{name}": (size, version) for name, size, version in entries if name}


def sweep(folder: str) -> int:
    names = [name for name, _, _ in _entries(folder) if name]
    for name in names:
        delete(f"{folder}/{name}")
    return len(names)


def download(path: str, target: Path, expected: tuple[int, str], max_bytes: int) -> int:
    num_bytes, version = expected
    if num_bytes > max_bytes:
        raise TooLargeError(shown(path), max_bytes)
    deadline = time.monotonic() + GRACE_S + max(num_bytes, 0) / LEAST_BYTES_PER_S
    offset = 0
    with _opened(target) as file:
        while num_bytes < 0 or offset < num_bytes:
            data = _get(path, offset, min(offset + PIECE_BYTES, max_bytes + 1), version)
            offset += len(data)
            if offset > max_bytes:
                raise TooLargeError(shown(path), max_bytes)
            if not data:
                break
            if time.monotonic() > deadline:
                raise OSError(f"{shown(path)} came slower than {LEAST_BYTES_PER_S} bytes a second")
            with named_errors(target):
                file.write(data)
        with named_errors(target):
            file.truncate(offset)
            file.flush()
    if num_bytes >= 0 and offset != num_bytes:
        raise OSError(f"{shown(path)} must have {num_bytes} bytes, got {offset}")
    return offset


def _opened(target: Path) -> IO[bytes]:
    with named_errors(target):
        return target.open("r+b" if target.exists() else "xb")
