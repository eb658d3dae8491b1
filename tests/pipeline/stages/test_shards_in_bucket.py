"""The verb `shards` from a bucket into a bucket, against a real S3 server on loopback."""

import hashlib
from pathlib import Path

import pytest

from configs.data import DataConfig
from configs.runs import RayConfig, ShardsJob
from pipeline.stages import shards, status, verify
from pipeline.tasks.session import ray_session
from shards import storage
from shards.clipcodec import decode_clip
from shards.fold import fold
from shards.manifest import Manifest
from shards.read import read_sample_at, read_samples
from shards.stores import retry, scratch
from trainers.data.corpus import Corpus
from trainers.data.reader import ClipReader
from trainers.data.tokenizer import Tokenizer, train_tokenizer


def job(source: str, out: str, **changes) -> ShardsJob:
    return ShardsJob.model_validate(
        {
            "sources": {"path": source},
            "clips": {"short_side": 32, **changes.get("clips", {})},
            "shards": {"out": out, **changes.get("shards", {})},
        }
    )


@pytest.fixture
def remote_source(source: Path, bucket: str) -> str:
    for path in source.rglob("*"):
        if path.is_file():
            name = path.relative_to(source).as_posix()
            storage.write_atomic(f"{bucket}/videos/{name}", path.read_bytes())
    return f"{bucket}/videos"


def tree(out: str) -> dict[str, tuple[int, str]]:
    """Size and version of every object; how long it took to make is no content."""
    found = storage.list_versions(out, deep=True)
    found.pop(f"{out}/.costs.jsonl", None)
    return {path.removeprefix(f"{out}/"): version for path, version in found.items()}


def tars(out: str) -> dict[str, str]:
    """SHA-256 of each tar, by its name without that of its content."""
    return {
        name.partition(".")[0]: storage.sha256_of(storage.join(out, name))
        for name in storage.list_names(out, ".tar")
    }


@pytest.mark.ray
def test_a_build_from_a_bucket_into_a_bucket_has_the_bytes_of_a_local_one(
    remote_source, source, bucket, tmp_path, capsys
):
    out, local, scratch_folder = f"{bucket}/out", tmp_path / "out", tmp_path / "scratch"
    with ray_session(RayConfig(cpus=2)):
        assert shards.run(job(remote_source, out, shards={"scratch": str(scratch_folder)})) == 0
        assert "planned 8 = written 8 + rejected 0" in capsys.readouterr().out
        assert shards.run(job(str(source), str(local))) == 0
    assert tars(out) == tars(str(local)) != {}
    left = [path for path in scratch_folder.rglob("*") if path.is_file() and path.name[0] != "."]
    assert left == [], "copies and work files are gone"
    assert storage.list_names(f"{out}/_tmp", "") == []
    assert not storage.exists(f"{out}/.driver.lock")
    assert verify.run(out) == 0
    assert status.run(out) == 0 and "complete" in capsys.readouterr().out


def test_parts_are_named_by_content_and_the_manifest_names_them(built, remote_source, bucket):
    out = f"{bucket}/out"
    assert shards.run(job(remote_source, out)) == 0
    manifest = Manifest.load(out)
    assert {shard["name"] for shard in manifest.shards} == set(storage.list_names(out, ".tar"))
    for shard in manifest.shards:
        data = storage.read_bytes(storage.join(out, shard["name"]))
        sha256 = hashlib.sha256(data).hexdigest()
        assert shard["sha256"] == sha256 and f".{sha256[:16]}.tar" in shard["name"]


def test_a_clip_is_read_by_its_place_and_shards_in_order(built, remote_source, bucket):
    out = f"{bucket}/out"
    assert shards.run(job(remote_source, out)) == 0
    manifest = Manifest.load(out)
    rows = manifest.samples.to_pylist()
    for row in rows[:3]:
        path = storage.join(out, row["shard"])
        sample = read_sample_at(path, row["offset"], row["length"])
        assert sample.key == row["key"]
        assert len(decode_clip(sample.clip)) == 32
    keys = [
        sample.key
        for shard in manifest.shards
        for sample in read_samples(storage.join(out, shard["name"]))
    ]
    assert keys == [row["key"] for row in rows]


def test_training_reads_its_clips_from_the_bucket(built, remote_source, bucket):
    out = f"{bucket}/out"
    assert shards.run(job(remote_source, out)) == 0
    manifest = Manifest.load(out)
    data = DataConfig(shards=out, resize=32, size=32)
    tokenizer = Tokenizer(train_tokenizer(manifest.samples["caption"].to_pylist(), 100))
    reader = ClipReader(data, Corpus([manifest]), tokenizer, 3, 8)
    examples = [reader.example(row, seed=None) for row in range(manifest.samples.num_rows)]
    assert {example.frames_THWC.shape for example in examples} == {(32, 32, 32, 3)}
    assert all(example.mask_K.any() for example in examples)


def test_a_second_run_builds_nothing_and_writes_nothing(built, remote_source, bucket):
    out = f"{bucket}/out"
    shards.run(job(remote_source, out))
    before, num_built = tree(out), len(built)
    assert shards.run(job(remote_source, out)) == 0
    assert len(built) == num_built and tree(out) == before


def test_a_changed_object_builds_its_bundle_only_and_leaves_no_older_part(
    built, remote_source, bucket
):
    out = f"{bucket}/out"
    shards.run(job(remote_source, out))
    before = tree(out)
    built.clear()
    storage.write_atomic(
        f"{remote_source}/bob.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nother words\n"
    )
    assert shards.run(job(remote_source, out)) == 0
    assert len(built) == 1
    after = tree(out)
    gone = {name for name in before.keys() - after.keys() if name.endswith(".tar")}
    assert all(name.startswith(built[0]) for name in gone)
    assert verify.run(out) == 0


def test_what_no_record_names_is_swept(built, remote_source, bucket):
    out = f"{bucket}/out"
    shards.run(job(remote_source, out))
    before = tree(out)
    for name in ("000009-00.0123456789abcdef.tar", "_tmp/000000.1.progress", "done/x.parquet"):
        storage.write_atomic(f"{out}/{name}", b"left by a killed attempt")
    storage.delete(f"{out}/_SUCCESS")
    assert shards.run(job(remote_source, out)) == 0
    assert tree(out) == before


def test_a_quota_below_the_largest_source_is_named_before_anything_is_done(bucket):
    with pytest.raises(ValueError, match=r"shards\.scratch_bytes must be at least"):
        job("s3://bucket/x", f"{bucket}/out", shards={"scratch_bytes": 1})


def test_a_bucket_that_cannot_be_written_is_named(built, remote_source):
    with pytest.raises(ValueError, match=r"shards\.out must be a bucket.*s3://weakvid-absent/out"):
        shards.run(job(remote_source, "s3://weakvid-absent/out"))


def test_an_output_on_a_web_server_is_refused(built, remote_source):
    with pytest.raises(ValueError, match="web server"):
        shards.run(job(remote_source, "http://127.0.0.1:9/out"))


def test_a_build_through_faults_has_the_same_bytes_and_counts_them(
    built, remote_source, bucket, faulty_s3, capsys, monkeypatch
):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    assert shards.run(job(remote_source, f"{bucket}/calm")) == 0
    capsys.readouterr()
    counts = faulty_s3(0.2, "429,503", seed=1)
    assert shards.run(job(remote_source, f"{bucket}/faulty")) == 0
    assert tree(f"{bucket}/faulty") == tree(f"{bucket}/calm")
    assert min(counts()[kind] for kind in ("429", "503")) > 0
    assert "requests failed and were sent again" in capsys.readouterr().out


def test_fold_needs_no_local_folder(built, remote_source, bucket):
    out = f"{bucket}/out"
    shards.run(job(remote_source, out))
    manifest = Manifest.load(out)
    again = fold(out, [row["bundle"] for row in manifest.bundles], [])
    assert again.totals["written"] == manifest.totals["written"]
    assert not Path("s3:").exists()
    assert scratch.own_folder().is_dir()
