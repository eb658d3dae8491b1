"""Files that know the hash of their bytes when the last one is written: nothing is read again."""

import hashlib
import os
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from shards import storage


@dataclass(frozen=True, slots=True)
class FinishedFile:
    """A finished file that has no final name yet."""

    temporary: str
    sha256: str
    bytes: int


class HashingFile:
    """A new local file that knows the hash of what was written to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.bytes = 0
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = storage.local_path(path).open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def discard(self) -> None:
        """Delete the file, if it still has this name."""
        self._file.close()
        storage.delete(self.path)

    @property
    def closed(self) -> bool:
        """Whether no more can be written; Arrow asks."""
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Append bytes; an OSError names the file."""
        with storage.named_errors(self.path):
            self._file.write(data)
        self._digest.update(data)
        self.bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self.bytes

    def flush(self) -> None:
        """Hand on what is buffered."""
        with storage.named_errors(self.path):
            self._file.flush()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def finish(self) -> FinishedFile:
        """Put every byte on disk and close."""
        with storage.named_errors(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return FinishedFile(self.path, self._digest.hexdigest(), self.bytes)
