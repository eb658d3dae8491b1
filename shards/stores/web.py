"""Web servers, which are only read, through fsspec's HTTP file system and its configuration.

Every connection is checked where it is made, so neither a name that resolves to a metadata
service nor a redirect to one gets past.
"""

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import fsspec
from fsspec.asyn import sync

from shards.stores.address import WEB, refuse_address, refuse_name, shown
from shards.stores.errors import ChangedError, TransientError
from shards.stores.retry import TRANSIENT_STATUS

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
_HEADERS = {"Accept-Encoding": "identity"}
"""A packed answer would have neither the length nor the version of the file."""
_FINAL = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.RedirectClientError,
    aiohttp.TooManyRedirects,
)
"""What asking again would not change."""


class WebStore:
    """Files of all web servers."""

    tries: int | None = None

    def __init__(self) -> None:
        self._files = fsspec.filesystem("https", skip_instance_cache=True, get_client=_session)

    def head(self, path: str) -> tuple[int, str]:
        return self._run(path, self._head)

    def get(self, path: str, start: int, end: int | None, version: str = "") -> tuple[bytes, str]:
        if end is not None and end <= start:
            return b"", version
        return self._run(path, self._get, start, end, version)

    def stream(self, path: str, start: int, version: str, take: Callable[[bytes], None]) -> None:
        """Hand over a file from `start` on. What was taken before an error need not come again."""
        self._run(path, self._stream, start, version, take)

    def put(self, path: str, data: bytes, *, create: bool = False, replaces: str = "") -> str:
        _refuse_to_write(path)

    def upload(self, source: Path, path: str) -> None:
        _refuse_to_write(path)

    def delete(self, path: str) -> None:
        _refuse_to_write(path)

    def page(
        self, folder: str, token: str, *, deep: bool = False
    ) -> tuple[list[tuple[str, int, str]], str]:
        raise ValueError(f"a folder must not lie on a web server, got {shown(folder)!r}")

    def _run(self, path: str, step: Any, *more: Any) -> Any:
        try:
            refuse_name(path)
            return sync(self._files.loop, step, path, *more)
        except ValueError as error:
            raise PermissionError(errno.EACCES, str(error), shown(path)) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            detail = f"the web server did not answer ({type(error).__name__})"
            if isinstance(error, _FINAL):
                raise OSError(errno.EINVAL, detail, shown(path)) from None
            raise TransientError(detail) from None

    async def _head(self, path: str) -> tuple[int, str]:
        session = await self._files.set_session()
        async with session.head(path, allow_redirects=True) as answer:
            if answer.status in {403, 405, 501}:
                # Some sign a URL for GET alone.
                return await self._head_by_get(session, path)
            _check(answer, path)
            return _length(answer), _version(answer)

    async def _head_by_get(self, session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
        async with session.get(path, headers={"Range": "bytes=0-0"}) as answer:
            if answer.status == 416:
                return 0, _version(answer)
            _check(answer, path)
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if answer.status == 206:
                return int(total) if total.isdecimal() else -1, _version(answer)
            return _length(answer), _version(answer)

    async def _get(self, path: str, start: int, end: int | None, version: str) -> tuple[bytes, str]:
        session = await self._files.set_session()
        asked = {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        async with session.get(path, headers=asked if start or end else {}) as answer:
            if answer.status == 416:
                return b"", version
            _check(answer, path, version)
            # 200 to a range: the server knows no ranges and sends the file from its beginning.
            skip = start if answer.status == 200 else 0
            most = None if end is None else end - start
            return await _take(answer.content, skip, most), _version(answer)

    async def _stream(
        self, path: str, start: int, version: str, take: Callable[[bytes], None]
    ) -> None:
        session = await self._files.set_session()
        asked = {"Range": f"bytes={start}-"} if start else {}
        async with session.get(path, headers=asked) as answer:
            if start and answer.status == 416:
                return
            _check(answer, path, version)
            skip = start if answer.status == 200 else 0
            async for chunk in answer.content.iter_chunked(1 << 20):
                begin = min(skip, len(chunk))
                skip -= begin
                if begin < len(chunk):
                    take(chunk[begin:])


async def _take(content: aiohttp.StreamReader, skip: int, most: int | None) -> bytes:
    taken = bytearray()
    async for chunk in content.iter_chunked(1 << 16):
        begin = min(skip, len(chunk))
        skip -= begin
        taken += chunk[begin:]
        if most is not None and len(taken) >= most:
            return bytes(taken[:most])
    return bytes(taken)


async def _session(**configured: Any) -> aiohttp.ClientSession:
    """Make fsspec's session; `configured` is `client_kwargs` of its configuration."""
    configured.pop("loop", None)
    settings: dict[str, Any] = {"timeout": _TIMEOUT, "auto_decompress": False, **configured}
    settings["headers"] = {**_HEADERS, **configured.get("headers", {})}
    settings["max_line_size"] = settings["max_field_size"] = 16 << 10
    connector = aiohttp.TCPConnector(limit=64, socket_factory=_checked_socket)
    return aiohttp.ClientSession(connector=connector, **settings)


def _checked_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, place = address
    refuse_address(str(place[0]))
    return socket.socket(family=family, type=kind, proto=protocol)


def _check(answer: aiohttp.ClientResponse, path: str, version: str = "") -> None:
    status, where = answer.status, shown(path)
    if answer.url.scheme not in WEB:
        raise ValueError(f"a redirect must lead to a web server, got {answer.url.scheme}://")
    if status < 400:
        if version and _version(answer) not in {"", version}:
            raise ChangedError(where)
        return
    if status in TRANSIENT_STATUS:
        asked = answer.headers.get("Retry-After", "")
        raise TransientError(
            f"the web server said {status}", float(asked) if asked.isdecimal() else 0.0
        )
    if status in {404, 410}:
        raise FileNotFoundError(errno.ENOENT, f"the web server said {status}", where)
    if status in {401, 403}:
        raise PermissionError(errno.EACCES, f"the web server said {status}", where)
    raise OSError(errno.EIO, f"the web server said {status}", where)


def _length(answer: aiohttp.ClientResponse) -> int:
    found = answer.headers.get("Content-Length", "")
    return int(found) if found.isdecimal() and len(found) < 20 else -1


def _version(answer: aiohttp.ClientResponse) -> str:
    headers = answer.headers
    return headers.get("ETag") or headers.get("Last-Modified") or ""


def _refuse_to_write(path: str) -> NoReturn:
    raise ValueError(f"an output must not lie on a web server, got {shown(path)!r}")
