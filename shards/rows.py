"""The rows of a bundle's samples: a Parquet file beside its record, named by its content.

As JSON within the record they took 345 bytes a sample and 40 times as long to fold; see
docs/scaling.md. The name of a shard is not kept: the record says what its parts are called.
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shards.columns import COLUMNS, sample_table
from shards.write import PartRecord

STORED = [name for name in COLUMNS.names if name != "shard"]


def rows_bytes(parts: Sequence[PartRecord]) -> bytes:
    """Return the rows of all parts as one file; the same rows give the same bytes."""
    table = sample_table(row for part in parts for row in part.rows).select(STORED)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=max(1, table.num_rows))
    return sink.getvalue()


def rows_table(data: bytes, sha256: str, parts: Sequence[PartRecord]) -> pa.Table:
    """Return the rows of a file as a table of `COLUMNS`, part after part.

    Raises:
        ValueError: If the file is not the one of that hash, or has other samples than the parts.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"the rows must have SHA-256 {sha256}, got another file: it is damaged")
    # `read_table` leaves a read-ahead thread that can outlive the interpreter and abort it.
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    num_samples = sum(part.num_samples for part in parts)
    if table.column_names != STORED or table.num_rows != num_samples:
        raise ValueError(
            f"the rows must be {num_samples} with the columns {', '.join(STORED)}, got "
            f"{table.num_rows} with {', '.join(table.column_names)}"
        )
    names = pa.array([part.name for part in parts], pa.string())
    index = [number for number, part in enumerate(parts) for _ in range(part.num_samples)]
    shards = names.take(pa.array(index, pa.int32()))
    return table.add_column(COLUMNS.get_field_index("shard"), "shard", shards)


def with_rows(parts: Sequence[PartRecord], table: pa.Table) -> list[PartRecord]:
    """Return parts that hold their rows of a table as `ShardWriter` leaves them."""
    filled, begin = [], 0
    for part in parts:
        listed = table.slice(begin, part.num_samples).to_pylist()
        filled.append(dataclasses.replace(part, rows=[_row(row) for row in listed]))
        begin += part.num_samples
    return filled


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "flags": json.loads(row["flags"])}
