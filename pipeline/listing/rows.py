"""A table of sources -> its rows; the content says whether it is CSV, JSONL or Parquet."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from pipeline.listing.csv_rows import csv_rows
from pipeline.listing.jsonl_rows import jsonl_rows
from pipeline.listing.parquet_rows import parquet_rows
from pipeline.listing.row import Row
from shards import storage

_PACKED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table, with the names of its columns where the table fixes them."""

    columns: list[str] | None
    rows: Iterator[Row]


@contextmanager
def open_table(path: str) -> Iterator[Table]:
    """Open a table for one pass over its rows.

    Raises:
        ValueError: If it cannot be read, here or while the rows are taken; the message names
            the line, and the column where one is at fault.
    """
    with _local_copy(path) as file:
        head = file.read(4096)
        file.seek(0)
        for magic, name in _PACKED.items():
            if head.startswith(magic):
                raise ValueError(f"{path} must be unpacked first, got {name}")
        if head.startswith(b"PAR1"):
            yield Table(*parquet_rows(file, path))
        elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            yield Table(None, jsonl_rows(file, path))
        else:
            yield Table(*csv_rows(file, path))


@contextmanager
def _local_copy(path: str) -> Iterator[IO[bytes]]:
    """Open a file that can be read twice and from any place."""
    with storage.open_read(path) as file:
        if file.seekable() and not storage.is_remote(path):
            yield file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy, storage.CHUNK_BYTES)
            copy.seek(0)
            yield copy
