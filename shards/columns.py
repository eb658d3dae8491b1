"""The columns of the two tables beside the shards: one row a sample, one row a video."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from shards.schema import canonical_json

COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("video_id", pa.string()),
        ("split", pa.string()),
        ("lang", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("t0_ms", pa.int64()),
        ("t1_ms", pa.int64()),
        ("num_windows", pa.int32()),
        ("caption", pa.string()),
        ("flags", pa.string()),
        ("source_sha256", pa.string()),
    ]
)
"""One row a sample; `offset` and `length` are its bytes in `shard`, `flags` a JSON list."""

VIDEO_COLUMNS = pa.schema(
    [
        ("video_id", pa.string()),
        ("bundle", pa.string()),
        ("name", pa.string()),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
        ("duration_s", pa.float64()),
        ("codec", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("fps", pa.float64()),
        ("lang", pa.string()),
        ("caption_format", pa.string()),
        ("num_words", pa.int64()),
        ("narrated_s", pa.float64()),
        ("narration_end_s", pa.float64()),
        ("flags", pa.string()),
        ("planned", pa.int64()),
        ("written", pa.int64()),
        ("rejected", pa.int64()),
        ("extra", pa.string()),
    ]
)
"""One row a source of a bundle, also where it gave no clip. `flags` is a JSON list, `extra` the
JSON object of its listing's other columns; what is not known is null, or the empty string.
`narrated_s` are the seconds in which somebody speaks: little of `duration_s`, or a
`narration_end_s` well past it, hint at captions of another video."""

GROUP_ROWS = 1 << 17
"""Rows of a row group: its pages are worth a read, and its entry in the footer its bytes."""


def sample_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows of samples, whose `flags` are lists, as a table of `COLUMNS`."""
    return _table(rows, COLUMNS, {"lang": ""})


def video_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows of videos, whose `flags` are lists, as a table of `VIDEO_COLUMNS`."""
    return _table(rows, VIDEO_COLUMNS, {"flags": [], "extra": ""})


def flags_text(flags: Iterable[str]) -> str:
    """Return flags as they stand in a table: a sorted JSON list."""
    return canonical_json(sorted(set(flags))).decode()


def _table(
    rows: Iterable[Mapping[str, Any]], schema: pa.Schema, defaults: Mapping[str, Any]
) -> pa.Table:
    listed = [{**defaults, **row} for row in rows]
    return pa.Table.from_pylist(
        [{**row, "flags": flags_text(row["flags"])} for row in listed], schema=schema
    )
