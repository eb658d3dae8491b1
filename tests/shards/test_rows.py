import hashlib
from dataclasses import replace

import pytest

from shards.columns import COLUMNS
from shards.rows import rows_bytes, rows_table, with_rows
from shards.write import PartRecord


def row(key: str, part: str, **changes) -> dict:
    return {
        "key": key, "video_id": "v", "split": "train", "lang": "en", "shard": part, "offset": 512,
        "length": 1024, "t0_ms": 100, "t1_ms": 3300, "num_windows": 9, "caption": "größer 😀",
        "flags": ["W_VFR"], "source_sha256": "ab" * 32,
    } | changes  # fmt: skip


PARTS = [
    PartRecord("000000-00.tar", "x", 9, 2, [row("a", "000000-00.tar"), row("b", "000000-00.tar")]),
    PartRecord("000000-01.tar", "y", 9, 1, [row("c", "000000-01.tar", flags=[])]),
]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_rows_come_back_as_they_were():
    data = rows_bytes(PARTS)
    assert data == rows_bytes(PARTS)
    bare = [replace(part, rows=[]) for part in PARTS]
    table = rows_table(data, sha256(data), bare)
    assert table.schema.equals(COLUMNS)
    assert with_rows(bare, table) == PARTS


def test_shards_are_called_what_the_record_calls_them():
    data = rows_bytes(PARTS)
    named = [replace(part, name=f"{part.name}.s3") for part in PARTS]
    shards = rows_table(data, sha256(data), named).column("shard").to_pylist()
    assert shards == ["000000-00.tar.s3"] * 2 + ["000000-01.tar.s3"]


def test_a_bundle_without_samples_has_no_rows():
    data = rows_bytes([])
    assert rows_table(data, sha256(data), []).num_rows == 0


def test_rows_of_other_parts_are_refused():
    data = rows_bytes(PARTS)
    with pytest.raises(ValueError, match="must be 2 with the columns"):
        rows_table(data, sha256(data), PARTS[:1])
    with pytest.raises(ValueError, match="damaged"):
        rows_table(data[:-1], sha256(data), PARTS)
