"""A part of a collection as a Parquet file: what pandas, DuckDB and Spark read as it is."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from shards import storage
from shards.hashing import FinishedFile, HashingFile

PROVENANCE = b"weakvid"
"""Key of the file's metadata under which its provenance stands, as JSON."""

GROUP_ROWS = 8192
"""Rows of a row group: some ten megabytes."""


def write_parquet(
    out: str, name: str, table: pa.Table, provenance: Mapping[str, Any]
) -> FinishedFile:
    """Write a part; its bytes depend on rows and provenance alone. It has no final name yet."""
    said = json.dumps(provenance, sort_keys=True).encode()
    table = table.replace_schema_metadata({PROVENANCE: said})
    file = HashingFile(storage.temporary_path(out, name))
    try:
        pq.write_table(
            table,
            pa.PythonFile(cast(Any, file), mode="w"),
            row_group_size=GROUP_ROWS,
            compression="zstd",
            # Floats never repeat: a dictionary of them would only cost.
            use_dictionary=["video_id", "split"],
            write_page_checksum=True,
        )
        return file.finish()
    except BaseException:
        file.discard()
        raise


def read_parquet(path: str, columns: Sequence[str]) -> pa.Table:
    """Return some columns of a part.

    Raises:
        ValueError: If it is damaged, or has no such column.
    """
    with storage.open_read(path) as file:
        try:
            part = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
            lacking = [name for name in columns if name not in part.schema_arrow.names]
            if lacking:
                raise ValueError(f"has no column {', '.join(lacking)}")
            return part.read(columns=list(columns), use_threads=False)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} must be a whole part of features, got: {error}") from error
