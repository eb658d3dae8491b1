"""A part as a Parquet file."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shards import storage
from shards.features.parquet import PROVENANCE, read_parquet, write_parquet


def write(folder: Path, table: pa.Table) -> Path:
    done = write_parquet(str(folder), "a.parquet", table, {"step": 7})
    storage.publish(done.temporary, str(folder / "a.parquet"))
    return folder / "a.parquet"


def test_equal_rows_give_equal_bytes_with_their_provenance(tmp_path: Path, table: pa.Table) -> None:
    one, two = write(tmp_path / "1", table), write(tmp_path / "2", table)
    assert one.read_bytes() == two.read_bytes()
    assert json.loads(pq.read_schema(one).metadata[PROVENANCE]) == {"step": 7}
    assert read_parquet(str(one), table.column_names).replace_schema_metadata(None) == table


def test_others_read_it_as_it_is(tmp_path: Path, table: pa.Table) -> None:
    path = write(tmp_path, table)
    found = duckdb.sql(f"select caption, embedding[2] from '{path}' where split = 'val'").fetchall()
    assert found == [("step 1", 1.5), ("step 3", 3.5)]


def test_damage_and_an_unknown_column_are_named(tmp_path: Path, table: pa.Table) -> None:
    path = write(tmp_path, table)
    with pytest.raises(ValueError, match="no column video"):
        read_parquet(str(path), ["key", "video"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"a\.parquet must be a whole part"):
        read_parquet(str(path), ["key"])


def test_nothing_is_left_of_a_file_that_could_not_be_written(
    tmp_path: Path, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **words: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="full"):
        write_parquet(str(tmp_path), "a.parquet", table, {})
    assert list((tmp_path / "_tmp").iterdir()) == []
