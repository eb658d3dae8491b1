import errno
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shards.tables import TableWriter

SCHEMA = pa.schema([("key", pa.string()), ("split", pa.string())])


def table(start: int, count: int) -> pa.Table:
    rows = [{"key": f"k{number}", "split": "train"} for number in range(start, start + count)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write(out: Path, sizes: list[int]):
    with TableWriter(str(out), "manifest.parquet", SCHEMA, group_rows=4) as writer:
        start = 0
        for size in sizes:
            writer.add(table(start, size))
            start += size
        file = writer.finish()
        return file, Path(file.temporary).read_bytes()


def test_bytes_do_not_depend_on_how_rows_come(tmp_path):
    file, data = write(tmp_path, [3, 0, 7, 1])
    assert data == write(tmp_path, [11])[1] == write(tmp_path, [1] * 11)[1]
    assert file.sha256 == hashlib.sha256(data).hexdigest() and file.bytes == len(data)
    read = pq.ParquetFile(pa.BufferReader(data))
    sizes = [read.metadata.row_group(group).num_rows for group in range(read.num_row_groups)]
    assert sizes == [4, 4, 3]
    assert read.read().equals(table(0, 11))


def test_no_rows_make_a_table_too(tmp_path):
    data = write(tmp_path, [])[1]
    assert pq.ParquetFile(pa.BufferReader(data)).read().equals(table(0, 0))


def test_what_is_not_published_is_gone(tmp_path):
    write(tmp_path, [9])

    def fail():
        with TableWriter(str(tmp_path), "manifest.parquet", SCHEMA, 4) as writer:
            writer.add(table(0, 9))
            raise RuntimeError("books do not close")

    with pytest.raises(RuntimeError):
        fail()
    assert list((tmp_path / "_tmp").iterdir()) == []


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    with TableWriter(str(tmp_path), "manifest.parquet", SCHEMA, 4) as writer:
        monkeypatch.setattr(writer._file, "_file", _Full(writer._file._file))
        with pytest.raises(OSError, match=r"manifest\.parquet"):
            writer.add(table(0, 9))
    assert list((tmp_path / "_tmp").iterdir()) == []


class _Full:
    """A file on a disk without room."""

    def __init__(self, file):
        self._file = file
        self.closed = False

    def write(self, data):
        raise OSError(errno.ENOSPC, "no space left")

    def close(self):
        self._file.close()
