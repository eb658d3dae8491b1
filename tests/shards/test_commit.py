import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shards import commit, storage
from shards.commit import (
    BundleRecord,
    commit_bundle,
    committed_bundles,
    read_record,
    retire_bundle,
    sweep_uncommitted,
)
from shards.schema import Sample
from shards.write import ShardWriter

# Builds and commits three parts again and again, in forks that die at the first, second, ...
# system call of the commit, until one lives through it. Prints how many died.
DIE_WITHIN_COMMIT = """
import itertools, os, pathlib, shutil, signal, sys
from shards import storage
from shards.commit import BundleRecord, commit_bundle
from shards.schema import Sample
from shards.write import ShardWriter

root, clip = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes()

def build(out, deadly):
    with ShardWriter(out, "000000", max_bytes=2**20, max_samples=1) as writer:
        for index in range(3):
            meta = {"video_id": "v", "t0_s": float(index), "t1_s": index + 3.2}
            writer.add(Sample(meta, clip, "c", ()), "train")
        parts = writer.finish()
    calls = itertools.count(1)
    def dying(real):
        def call(*args, **kwargs):
            if next(calls) == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        return call
    os.link, os.fsync = dying(os.link), dying(os.fsync)
    storage.Path.replace = dying(storage.Path.replace)
    commit_bundle(out, BundleRecord("000000", "f", {"v": 3}, parts))

def in_a_fork(out, deadly):
    child = os.fork()
    if child == 0:
        build(out, deadly)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for deadly in itertools.count(1):
    out = root / f"killed-{deadly}"
    code = in_a_fork(str(out), deadly)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    shutil.copytree(out, root / f"seen-{deadly}")
    storage.sweep_temporary(str(out))
    assert in_a_fork(str(out), 0) == 0
print(deadly - 1)
"""


def hashes(out: str) -> dict[str, str]:
    return {name: storage.sha256_of(f"{out}/{name}") for name in storage.list_names(out, ".tar")}


def build(out: str, samples: list[Sample], *, max_samples: int = 2, **fields) -> BundleRecord:
    with ShardWriter(out, "000000", max_bytes=2**20, max_samples=max_samples) as writer:
        for sample in samples:
            writer.add(sample, "train")
        parts = writer.finish()
    return BundleRecord("000000", **{"fingerprint": "f", "planned": {}, **fields}, parts=parts)


def test_a_commit_publishes_the_parts_and_then_the_record(tmp_path, make_sample):
    out = str(tmp_path)
    record = build(out, [make_sample(t0_s=index) for index in range(3)], planned={"video": 3})
    assert read_record(out, "000000") is None
    assert commit_bundle(out, record)
    assert hashes(out) == {part.name: part.sha256 for part in record.parts}
    assert committed_bundles(out) == ["000000"]
    assert not list((tmp_path / "_tmp").iterdir())
    kept = read_record(out, "000000")
    parts = [replace(part, temporary="") for part in record.parts]
    assert kept == replace(record, parts=parts, rows_sha256=kept.rows_sha256)
    assert kept.num_samples == 3


def test_a_kill_at_any_point_of_the_commit_leaves_an_exact_rerun(tmp_path, clip):
    (tmp_path / "clip.mp4").write_bytes(clip)
    run = subprocess.run(
        [sys.executable, "-c", DIE_WITHIN_COMMIT, tmp_path, tmp_path / "clip.mp4"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    num_deaths = int(run.stdout)
    assert num_deaths >= 8, "three renames, their syncs, the link and its syncs"
    whole = str(tmp_path / f"killed-{num_deaths + 1}")
    want = hashes(whole)
    assert len(want) == 3
    for deadly in range(1, num_deaths + 1):
        seen, rerun = str(tmp_path / f"seen-{deadly}"), str(tmp_path / f"killed-{deadly}")
        # A name that was there at the kill is whole, and the record came after all of them.
        assert hashes(seen).items() <= want.items()
        assert not committed_bundles(seen) or hashes(seen) == want
        assert hashes(rerun) == want
        assert read_record(rerun, "000000") == read_record(whole, "000000")


def test_a_late_attempt_with_equal_bytes_changes_nothing(tmp_path, make_sample):
    out = str(tmp_path)
    samples = [make_sample(t0_s=index) for index in range(3)]
    first, late = build(out, samples), build(out, samples)
    assert commit_bundle(out, first)
    stats = {name: (tmp_path / name).stat() for name in hashes(out)}
    assert not commit_bundle(out, late)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in stats} == {
        name: stat.st_mtime_ns for name, stat in stats.items()
    }
    assert not list((tmp_path / "_tmp").iterdir())


def test_other_bytes_for_the_same_verdicts_are_an_error(tmp_path, make_sample):
    out = str(tmp_path)
    first, late = build(out, [make_sample()]), build(out, [make_sample(audio=False)])
    commit_bundle(out, first)
    before = hashes(out)
    with pytest.raises(RuntimeError, match="same bytes each time"):
        commit_bundle(out, late)
    assert hashes(out) == before


def test_the_first_commit_stands_where_verdicts_differ(tmp_path, make_sample):
    out = str(tmp_path)
    first = build(out, [make_sample(), make_sample("other")])
    timeout = {"video_id": "other", "code": "E_TIMEOUT", "clips": 1, "bundle": "000000"}
    late = build(out, [make_sample()], rejects=[timeout])
    assert commit_bundle(out, first)
    before = hashes(out)
    assert not commit_bundle(out, late)
    assert hashes(out) == before
    assert read_record(out, "000000").rejects == []


def test_a_commit_of_other_settings_must_be_retired_first(tmp_path, make_sample):
    out = str(tmp_path)
    commit_bundle(out, build(out, [make_sample(t0_s=t) for t in range(3)], max_samples=1))
    (tmp_path / "_SUCCESS").touch()
    changed = build(out, [make_sample()], fingerprint="g")
    with pytest.raises(RuntimeError, match="retired first"):
        commit_bundle(out, changed)
    retire_bundle(out, "000000")
    assert not (tmp_path / "_SUCCESS").exists()
    assert committed_bundles(out) == []
    assert commit_bundle(out, changed)
    assert hashes(out) == {"000000-00.tar": changed.parts[0].sha256}, "older parts must go"


def test_a_damaged_part_is_never_published(tmp_path, make_sample):
    out = str(tmp_path)
    record = build(out, [make_sample()])
    path = Path(record.parts[0].temporary)
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)
    with pytest.raises(RuntimeError, match="damaged"):
        commit_bundle(out, record)
    assert hashes(out) == {}
    assert committed_bundles(out) == []


def test_a_part_whose_clip_does_not_decode_is_never_published(tmp_path, make_sample):
    out = str(tmp_path)
    record = build(out, [replace(make_sample(), clip=b"no clip")])
    with pytest.raises(RuntimeError, match="must decode"):
        commit_bundle(out, record)
    assert hashes(out) == {}


def test_a_bundle_of_rejects_commits_without_a_tar(tmp_path):
    out = str(tmp_path)
    reject = {"video_id": "v", "code": "E_EMPTY", "clips": 0, "bundle": "000004"}
    assert commit_bundle(out, BundleRecord("000004", "f", {"v": 0}, [], [reject]))
    assert read_record(out, "000004").rejects == [reject]


def test_tars_without_a_record_are_swept(tmp_path, make_sample):
    out = str(tmp_path)
    commit_bundle(out, build(out, [make_sample()]))
    (tmp_path / "000001-00.tar").write_bytes(b"between two parts")
    assert sweep_uncommitted(out) == ["000001-00.tar"]
    assert list(hashes(out)) == ["000000-00.tar"]


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "done").mkdir()
    for text in ("{", "[]", '{"schema":9}', '{"schema":1}'):
        (tmp_path / "done" / "000000.json").write_text(text)
        with pytest.raises(ValueError, match=r"done/000000\.json"):
            read_record(str(tmp_path), "000000")


def test_records_are_plain_json_without_temporary_names(tmp_path, make_sample):
    out = str(tmp_path)
    commit_bundle(out, build(out, [make_sample()], planned={"video": 1}))
    data = Path(commit.record_path(out, "000000")).read_bytes()
    assert b"_tmp" not in data
    value = json.loads(data)
    [rows] = (tmp_path / "done").glob("000000.*.parquet")
    assert value["rows_sha256"] == hashlib.sha256(rows.read_bytes()).hexdigest()
    tar = (tmp_path / "000000-00.tar").read_bytes()
    assert value["parts"][0]["sha256"] == hashlib.sha256(tar).hexdigest()


def test_rows_that_are_damaged_or_gone_are_refused_by_name(tmp_path, make_sample):
    out = str(tmp_path)
    commit_bundle(out, build(out, [make_sample()], planned={"video": 1}))
    [rows] = (tmp_path / "done").glob("000000.*.parquet")
    rows.write_bytes(rows.read_bytes()[:-9] + bytes(9))
    with pytest.raises(ValueError, match=re.escape(str(rows))):
        read_record(out, "000000")
    assert read_record(out, "000000", with_samples=False).num_samples == 1
    rows.unlink()
    with pytest.raises(ValueError, match=re.escape(str(rows))):
        read_record(out, "000000")


def test_rows_that_no_record_names_are_swept(tmp_path, make_sample):
    out = str(tmp_path)
    commit_bundle(out, build(out, [make_sample()], planned={"video": 1}))
    (tmp_path / "done" / "000000.0123456789abcdef.parquet").write_bytes(b"of another attempt")
    assert sweep_uncommitted(out) == ["000000.0123456789abcdef.parquet"]
    assert read_record(out, "000000").num_samples == 1
