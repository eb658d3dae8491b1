"""Clips of a bundle on disk until all its videos are done, so that memory stays small.

A video counts as a whole: one that times out leaves no clip behind. And clips of different
videos are interleaved in a shard, which needs all of them first.
"""

from types import TracebackType
from typing import Self

from shards import storage


class ClipSpool:
    """A nameless file: it goes with the process, however that ends."""

    def __init__(self, out: str, bundle: str) -> None:
        self._path = storage.temporary_path(out, f"{bundle}.spool")

    def __enter__(self) -> Self:
        with storage.named_errors(self._path):
            self._file = storage.local_path(self._path).open("x+b")
            storage.delete(self._path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def mark(self) -> int:
        """Return the end, for `rewind`."""
        return self._file.seek(0, 2)

    def rewind(self, mark: int) -> None:
        """Forget what was put after a mark."""
        self._file.truncate(mark)

    def put(self, data: bytes) -> tuple[int, int]:
        """Append bytes; return their offset and length."""
        with storage.named_errors(self._path):
            offset = self._file.seek(0, 2)
            self._file.write(data)
            self._file.flush()
        return offset, len(data)

    def get(self, place: tuple[int, int]) -> bytes:
        """Return bytes that were put."""
        self._file.seek(place[0])
        return self._file.read(place[1])
