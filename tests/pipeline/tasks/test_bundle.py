import dataclasses
import hashlib
from pathlib import Path

import pytest

from configs.runs import ShardsJob
from pipeline.listing.build import list_sources
from pipeline.tasks.bundle import build_bundle
from pipeline.tasks.plan import plan_bundles
from shards.commit import read_record
from shards.read import read_samples


@pytest.fixture
def task_for(narrated):
    def make(out: Path, **shards):
        job = ShardsJob.model_validate(
            {"sources": {"path": str(narrated)}, "clips": {"short_side": 32}, "shards": shards}
        )
        sources = list_sources(job.sources).sources
        [first, *_] = plan_bundles(job, str(out), sources)[1]
        return dataclasses.replace(first, sources=tuple(sources))

    return make


def hashes(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("*.tar")}


def test_a_bundle_is_committed_with_its_books_closed(tmp_path, task_for):
    counts = []
    record = build_bundle(task_for(tmp_path), 1, counts.append)
    written = record.num_samples
    assert sum(record.planned.values()) == written + sum(row["clips"] for row in record.rejects)
    assert record.planned["torn"] == 0 and [row["code"] for row in record.rejects] == ["E_MOOV"]
    assert record.rejects[0]["bundle"] == record.bundle
    assert [count.videos for count in counts] == [0, 1, 2, 3, 4] and counts[-1].clips == written
    assert read_record(str(tmp_path), record.bundle).num_samples == written
    assert list((tmp_path / "_tmp").iterdir()) == []


def test_bytes_do_not_depend_on_attempt_or_place(tmp_path, task_for):
    for name, attempt in (("one", 1), ("two", 7)):
        build_bundle(task_for(tmp_path / name), attempt, lambda counts: None)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two") != {}


def test_clips_of_one_video_are_scattered(tmp_path, task_for):
    record = build_bundle(task_for(tmp_path), 1, lambda counts: None)
    videos = [row["video_id"] for part in record.parts for row in part.rows]
    assert sorted(videos) != videos
    samples = [s for part in record.parts for s in read_samples(str(tmp_path / part.name))]
    assert [sample.meta["video_id"] for sample in samples] == videos


def test_parts_are_cut_at_the_cap(tmp_path, task_for):
    record = build_bundle(task_for(tmp_path, max_shard_samples=4), 1, lambda counts: None)
    assert [part.num_samples for part in record.parts] == [4, 4]
    assert [part.name[-7:] for part in record.parts] == ["-00.tar", "-01.tar"]
