"""Parquet files that are written as a stream: row groups of one size, and their hash, in one go."""

from contextlib import suppress
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from shards import storage
from shards.columns import COLUMNS, GROUP_ROWS
from shards.hashing import FinishedFile, HashingFile

DISTINCT = frozenset({"key", "offset", "length", "t0_ms", "t1_ms", "caption", "name", "extra"})
"""Columns that hardly ever repeat a value: a dictionary would only cost."""


class TableWriter:
    """Writes rows in the order in which they come; the bytes depend on the rows alone.

    Args:
        out: Output folder.
        name: Final name in it; nothing gets that name here.
        schema: Columns.
        group_rows: Rows of a row group.
    """

    def __init__(
        self, out: str, name: str, schema: pa.Schema = COLUMNS, group_rows: int = GROUP_ROWS
    ) -> None:
        self._schema = schema
        self._group_rows = group_rows
        self._waiting: list[pa.Table] = []
        self._num_waiting = 0
        self._temporary = storage.temporary_path(out, name)
        self._file = HashingFile(self._temporary)
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            schema,
            compression="zstd",
            use_dictionary=[column for column in schema.names if column not in DISTINCT],
            write_page_checksum=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer.is_open:  # what failed is not to be tried again by a destructor
            with suppress(OSError, ValueError):
                self._writer.close()
            self._writer.is_open = False
        self._file.__exit__(kind, error, trace)

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        self._waiting.append(table)
        self._num_waiting += table.num_rows
        while self._num_waiting >= self._group_rows:
            self._write_group()

    def finish(self) -> FinishedFile:
        """Write what waits, and sync the file."""
        if self._num_waiting:
            self._write_group()
        self._writer.close()
        return self._file.finish()

    def _write_group(self) -> None:
        rows = pa.concat_tables(self._waiting)
        with storage.named_errors(self._temporary):
            self._writer.write_table(rows.slice(0, self._group_rows), self._group_rows)
        rest = rows.slice(self._group_rows)
        self._waiting, self._num_waiting = [rest], rest.num_rows
