import errno
import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from shards import storage
from shards.write import ShardWriter, sample_span


def write(out, samples, *, max_bytes=2**20, max_samples=100):
    with ShardWriter(str(out), "000007", max_bytes=max_bytes, max_samples=max_samples) as writer:
        for sample in samples:
            writer.add(sample, "train")
        return writer.finish()


def test_equal_samples_give_equal_bytes(tmp_path, make_sample, monkeypatch):
    samples = [make_sample(t0_s=index) for index in range(3)]
    first = write(tmp_path / "a", samples)
    monkeypatch.setenv("USER", "somebody else")
    monkeypatch.setattr("time.time", lambda: 1e9)
    second = write(tmp_path / "b", samples)
    assert [part.sha256 for part in first] == [part.sha256 for part in second]
    assert Path(first[0].temporary).read_bytes() == Path(second[0].temporary).read_bytes()


def test_headers_hold_no_time_and_no_owner(tmp_path, make_sample):
    (part,) = write(tmp_path, [make_sample()])
    with tarfile.open(part.temporary) as tar:
        infos = tar.getmembers()
    assert [info.name.partition(".")[2] for info in infos] == [
        "json", "mp4", "txt", "asr.json", "flac",
    ]  # fmt: skip
    assert {(i.mtime, i.uid, i.gid, i.uname, i.gname, i.mode, i.type) for i in infos} == {
        (0, 0, 0, "", "", 0o644, tarfile.REGTYPE)
    }
    assert not any(info.pax_headers for info in infos)


def test_the_record_says_what_the_file_is(tmp_path, make_sample):
    (part,) = write(tmp_path, [make_sample(t0_s=index) for index in range(3)])
    data = Path(part.temporary).read_bytes()
    assert part.name == "000007-00.tar"
    assert (part.bytes, part.num_samples) == (len(data), 3)
    assert part.sha256 == hashlib.sha256(data).hexdigest()
    assert data.endswith(bytes(1024))


def test_rows_say_where_each_sample_lies(tmp_path, make_sample):
    samples = [make_sample(t0_s=index) for index in range(3)]
    (part,) = write(tmp_path, samples)
    data = Path(part.temporary).read_bytes()
    for sample, row in zip(samples, part.rows, strict=True):
        assert data[row["offset"] : row["offset"] + row["length"]] == sample_span(sample)
    assert part.rows[1] == {
        "key": samples[1].key,
        "video_id": "video",
        "split": "train",
        "lang": "",
        "shard": "000007-00.tar",
        "offset": part.rows[0]["length"],
        "length": len(sample_span(samples[1])),
        "t0_ms": 1000,
        "t1_ms": 4200,
        "num_windows": 2,
        "caption": "cut it",
        "flags": ["W_VFR"],
        "source_sha256": "videovideo",
    }


def test_a_cap_on_samples_begins_another_part(tmp_path, make_sample):
    parts = write(tmp_path, [make_sample(t0_s=index) for index in range(5)], max_samples=2)
    assert [(part.name, part.num_samples) for part in parts] == [
        ("000007-00.tar", 2),
        ("000007-01.tar", 2),
        ("000007-02.tar", 1),
    ]
    assert [part.rows[0]["offset"] for part in parts] == [0, 0, 0]
    assert parts[2].rows[0]["shard"] == "000007-02.tar"


def test_no_part_is_larger_than_the_cap(tmp_path, make_sample):
    samples = [make_sample(t0_s=index) for index in range(5)]
    two = 2 * len(sample_span(samples[0])) + 1024
    exact = write(tmp_path / "a", samples, max_bytes=two)
    assert [part.num_samples for part in exact] == [2, 2, 1]
    assert max(part.bytes for part in exact) == two
    tight = write(tmp_path / "b", samples, max_bytes=two - 1)
    assert [part.num_samples for part in tight] == [1] * 5
    tiny = write(tmp_path / "c", samples, max_bytes=1)
    assert [part.num_samples for part in tiny] == [1] * 5


def test_a_bundle_without_samples_has_no_parts(tmp_path):
    assert write(tmp_path, []) == []


def test_a_key_comes_once_in_a_bundle(tmp_path, make_sample):
    with pytest.raises(ValueError, match="unique in a bundle"):
        write(tmp_path, [make_sample(), make_sample(t0_s=4), make_sample()], max_samples=1)


@pytest.mark.parametrize("bundle", ["7", "../007", "0000007", "00000a"])
def test_a_bundle_is_named_by_six_digits(tmp_path, bundle):
    with pytest.raises(ValueError, match="six digits"):
        ShardWriter(str(tmp_path), bundle, max_bytes=1, max_samples=1)


def test_an_error_leaves_no_file(tmp_path, make_sample):
    def fail_after_three_parts() -> None:
        with ShardWriter(str(tmp_path), "000007", max_bytes=1, max_samples=1) as writer:
            for index in range(3):
                writer.add(make_sample(t0_s=index), "train")
            assert len(list(tmp_path.rglob("*.tar*"))) == 3
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_three_parts()
    assert not list(tmp_path.rglob("*.tar*"))


def test_a_full_disk_is_reported_with_the_path(tmp_path, make_sample, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"000007-00\.tar") as caught:
        write(tmp_path, [make_sample()])
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.rglob("*.tar*"))


def test_nothing_gets_a_final_name_before_the_commit(tmp_path, make_sample):
    write(tmp_path, [make_sample()])
    assert storage.list_names(str(tmp_path), ".tar") == []
