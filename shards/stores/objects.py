"""Objects in a bucket or on a web server: what `shards.storage` needs, each request persistent."""

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

from shards.stores.address import WEB, scheme_of, shown
from shards.stores.errors import ChangedError, TooLargeError
from shards.stores.local import named_errors
from shards.stores.ranged import PIECE_BYTES, open_ranged
from shards.stores.retry import TRIES, num_retries, persistently

GRACE_S = 60.0
LEAST_BYTES_PER_S = 32 << 10
"""A download may take `GRACE_S`, and as long as what has come of it takes at this rate."""

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


@runtime_checkable
class Streams(Protocol):
    """A store whose files are better fetched by one request than piece by piece."""

    def stream(
        self, path: str, start: int, version: str, take: Callable[[bytes], None]
    ) -> None: ...


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
    if num_bytes < 0:  # a page that is made as it is sent
        return io.BytesIO(read_bytes(path))
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
    with named_errors(target):
        file = target.open("r+b" if target.exists() else "xb")
    with file:
        copy = _Copy(path, target, file, max_bytes)
        store = _store(path)
        if isinstance(store, Streams):
            where = shown(path)
            persistently(where, lambda: store.stream(path, copy.size, version, copy.take))
        else:
            while data := _get(path, copy.size, copy.size + PIECE_BYTES, version):
                copy.take(data)
        with named_errors(target):
            file.truncate(copy.size)
            file.flush()
    if num_bytes not in {-1, copy.size}:
        raise OSError(f"{shown(path)} must have {num_bytes} bytes, got {copy.size}")
    return copy.size


class _Copy:
    """What has come of a download. `take` is called with each piece."""

    def __init__(self, path: str, target: Path, file: IO[bytes], max_bytes: int) -> None:
        self._path, self._target, self._file = path, target, file
        self._max_bytes = max_bytes
        self._started = time.monotonic()
        self.size = 0

    def take(self, data: bytes) -> None:
        if self.size + len(data) > self._max_bytes:
            raise TooLargeError(shown(self._path), self._max_bytes)
        if time.monotonic() > self._started + GRACE_S + self.size / LEAST_BYTES_PER_S:
            where = shown(self._path)
            raise OSError(f"{where} came slower than {LEAST_BYTES_PER_S} bytes a second")
        with named_errors(self._target):
            self._file.write(data)
        self.size += len(data)
