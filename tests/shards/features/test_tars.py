"""A part as a tar for WebDataset."""

from pathlib import Path

import pyarrow as pa
import pytest
import webdataset as wds

from shards import storage
from shards.features.tars import read_tar, write_tar

WIDTHS = {"embedding": 3, "audio": 2}


def write(folder: Path, table: pa.Table) -> Path:
    done = write_tar(str(folder), "a.tar", table, {"step": 7})
    storage.publish(done.temporary, str(folder / "a.tar"))
    return folder / "a.tar"


def test_rows_come_back_from_equal_bytes(tmp_path: Path, table: pa.Table) -> None:
    one, two = write(tmp_path / "1", table), write(tmp_path / "2", table)
    assert one.read_bytes() == two.read_bytes()
    assert read_tar(str(one), table.column_names, WIDTHS) == table
    assert read_tar(str(one), ["key"], WIDTHS) == table.select(["key"])


def test_webdataset_reads_it_as_it_is(tmp_path: Path, table: pa.Table) -> None:
    samples = list(wds.WebDataset(str(write(tmp_path, table)), shardshuffle=False).decode())
    assert [sample["__key__"] for sample in samples] == table["key"].to_pylist()
    assert samples[2]["embedding.npy"].tolist() == [2.0, 2.5, -2.0]
    assert "audio.npy" not in samples[1]
    assert samples[3]["json"]["provenance"] == {"step": 7}


def test_damage_and_an_unknown_feature_are_named(tmp_path: Path, table: pa.Table) -> None:
    path = write(tmp_path, table)
    with pytest.raises(ValueError, match="video, got none"):
        read_tar(str(path), ["video"], WIDTHS)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match=r"a\.tar must be a whole part"):
        read_tar(str(path), ["embedding"], WIDTHS)
