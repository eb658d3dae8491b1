import dataclasses
import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from shards.commit import read_record, record_path, rows_path
from shards.rows import rows_bytes
from shards.verify import verify


@pytest.fixture
def folder(built) -> Path:
    return Path(built)


def test_a_whole_folder_has_no_problems(folder):
    assert verify(str(folder)) == []


def test_a_cut_at_every_member_boundary_is_seen(folder):
    path = folder / "000001-00.tar"
    data = path.read_bytes()
    with tarfile.open(path) as tar:
        cuts = [place for info in tar for place in (info.offset, info.offset_data)]
    cuts += [len(data) - 1024, len(data) - 512, len(data) - 1]
    assert len(cuts) > 40
    for cut in cuts:
        path.write_bytes(data[:cut])
        assert any("000001-00.tar" in problem for problem in verify(str(folder), num_decoded=0))


def test_a_flipped_byte_in_any_tar_is_seen(folder):
    for path in sorted(folder.glob("*.tar")):
        data = path.read_bytes()
        for place in (0, 600, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:place] + bytes([data[place] ^ 128]) + data[place + 1 :])
            assert any(path.name in problem for problem in verify(str(folder), num_decoded=0))
        path.write_bytes(data)
    assert verify(str(folder)) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("000000-01.tar", "is missing"),
        ("manifest.json", "weakvid shards"),
        ("manifest.parquet", "manifest.parquet"),
        ("rejects.jsonl", "rejects.jsonl"),
        ("_SUCCESS", "did not end"),
        ("done/000000.json", "done/000000.json"),
    ],
)
def test_a_missing_file_is_seen(folder, name, message):
    (folder / name).unlink()
    assert any(message in problem for problem in verify(str(folder)))


@pytest.mark.parametrize("name", ["manifest.json", "manifest.parquet", "_SUCCESS"])
def test_a_flipped_byte_in_an_index_is_seen(folder, name):
    path = folder / name
    data = path.read_bytes()
    for place in range(0, len(data), max(len(data) // 20, 1)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 2]) + data[place + 1 :])
        assert verify(str(folder), num_decoded=0), f"byte {place}"


def test_files_that_no_manifest_names_are_seen(folder):
    (folder / "000009-00.tar").write_bytes(b"")
    (folder / "done" / "000009.json").write_text("{}")
    problems = verify(str(folder))
    assert len(problems) == 2
    assert all("000009" in problem and "no manifest" in problem for problem in problems)


def test_counts_that_do_not_add_up_are_seen(folder):
    path = Path(record_path(str(folder), "000000"))
    record = json.loads(path.read_text())
    record["planned"]["000000-b"] += 1
    path.write_text(json.dumps(record))
    assert any("planned clips must equal" in problem for problem in verify(str(folder)))


def test_a_reject_that_vanished_is_seen(folder):
    (folder / "rejects.jsonl").write_bytes(b"")
    assert any("rejects.jsonl must have SHA-256" in problem for problem in verify(str(folder)))


def test_a_reject_that_says_something_else_is_seen(folder):
    path = folder / "rejects.jsonl"
    path.write_bytes(path.read_bytes().replace(b"E_SHORT", b"E_HUGE.", 1))
    problems = verify(str(folder))
    assert "rejects.jsonl must have SHA-256" in problems[0]
    assert "were not read" in problems[-1]


def test_a_row_that_differs_from_its_record_is_seen(folder):
    record = read_record(str(folder), "000000")
    record.parts[0].rows[1]["caption"] = "another"
    rows = rows_bytes(record.parts)
    record = dataclasses.replace(record, rows_sha256=hashlib.sha256(rows).hexdigest())
    Path(rows_path(str(folder), record)).write_bytes(rows)
    Path(record_path(str(folder), "000000")).write_bytes(record.to_bytes())
    problems = verify(str(folder))
    assert len(problems) == 1
    assert "must equal its bundle's record" in problems[0]
