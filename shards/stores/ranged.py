"""A remote file as one that can be read from any place: each piece is one request."""

import io
from collections.abc import Callable
from typing import IO

PIECE_BYTES = 4 << 20

Fetch = Callable[[int, int], bytes]
"""Bytes of a span [start, end), fewer only at the end of the file."""


class _RangedFile(io.RawIOBase):
    """Fetches what is asked for; `BufferedReader` asks for whole pieces."""

    def __init__(self, num_bytes: int, fetch: Fetch) -> None:
        self._num_bytes = num_bytes
        self._fetch = fetch
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._num_bytes}
        self._position = max(0, start[whence] + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # pyrefly: ignore[bad-override]
        end = min(self._position + len(buffer), self._num_bytes)
        if end <= self._position:
            return 0
        data = self._fetch(self._position, end)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def open_ranged(num_bytes: int, fetch: Fetch) -> IO[bytes]:
    """Return a file of `num_bytes` that is read through `fetch`."""
    return io.BufferedReader(_RangedFile(num_bytes, fetch), PIECE_BYTES)
