import dataclasses
import hashlib
from pathlib import Path

import pytest

from configs.runs import ShardsJob
from pipeline.listing.build import list_sources
from pipeline.media.errors import MediaError
from pipeline.tasks import source as source_module
from pipeline.tasks.bundle import GivenUp, Suspicion, build_bundle, probe_source
from pipeline.tasks.plan import plan_bundles
from pipeline.tasks.quarantine import Verdict
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
    record = build_bundle(task_for(tmp_path), counts.append)
    written = record.num_samples
    assert sum(record.planned.values()) == written + sum(row["clips"] for row in record.rejects)
    assert record.planned["torn"] == 0 and [row["code"] for row in record.rejects] == ["E_MOOV"]
    assert record.rejects[0]["bundle"] == record.bundle
    assert [count.videos for count in counts] == sorted(count.videos for count in counts)
    assert counts[-1].videos == 4 and counts[-1].clips == written
    assert next(c.source for c in counts if c.videos == 1) == "bob"
    assert all(count.due_s > 0 for count in counts)
    assert read_record(str(tmp_path), record.bundle).num_samples == written
    assert list((tmp_path / "_tmp").iterdir()) == []


def test_bytes_do_not_depend_on_attempt_or_place(tmp_path, task_for):
    for name in ("one", "two"):
        build_bundle(task_for(tmp_path / name), lambda counts: None)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two") != {}


def verdict_on(source, code="E_CRASH", stage="task"):
    return Verdict.on(source, code, "its worker died", stage)


def test_a_quarantined_source_is_a_reject_and_not_opened(tmp_path, task_for, monkeypatch):
    task = task_for(tmp_path)
    bob = next(source for source in task.sources if source.video_id == "bob")
    record = build_bundle(
        dataclasses.replace(task, quarantined=(verdict_on(bob),)), lambda counts: None
    )
    [row] = [row for row in record.rejects if row["video_id"] == "bob"]
    assert (row["code"], row["stage"], row["bundle"]) == ("E_CRASH", "task", record.bundle)
    assert record.planned["bob"] == 0 and record.planned["ada"] == 3
    [video] = [row for row in record.videos if row["video_id"] == "bob"]
    assert (video["planned"], video["written"], video["sha256"]) == (0, 0, "")


def test_a_verdict_of_load_is_not_committed_before_it_was_tried_alone(
    tmp_path, task_for, monkeypatch
):
    task = task_for(tmp_path)
    decode = source_module.decode_source

    def slow(request, *args):
        if request.path.endswith("bob.mp4"):
            raise MediaError("E_TIMEOUT", "not done in 60 s")
        return decode(request, *args)

    monkeypatch.setattr(source_module, "decode_source", slow)
    with pytest.raises(Suspicion) as caught:
        build_bundle(dataclasses.replace(task, is_final=False), lambda counts: None)
    assert [verdict.video_id for verdict in caught.value.verdicts] == ["bob"]
    assert read_record(str(tmp_path), task.bundle) is None
    [bob] = [source for source in task.sources if source.video_id == "bob"]
    alone = dataclasses.replace(task, sources=(bob,))
    assert probe_source(alone, lambda counts: None).code == "E_TIMEOUT"
    assert not list(tmp_path.glob("*.tar")) and not list((tmp_path / "_tmp").iterdir())
    record = build_bundle(task, lambda counts: None)
    assert {row["code"] for row in record.rejects} == {"E_TIMEOUT", "E_MOOV"}


def test_an_attempt_that_was_given_up_commits_nothing(tmp_path, task_for):
    def given_up(counts):
        if counts.videos == 1:
            raise GivenUp("000000.1")

    with pytest.raises(GivenUp):
        build_bundle(task_for(tmp_path), given_up)
    assert not list(tmp_path.glob("*.tar")) and not (tmp_path / "done").exists()


def test_a_fault_of_ours_costs_one_source(tmp_path, task_for, monkeypatch):
    def faulty(request, *args):
        raise KeyError("a hole")

    monkeypatch.setattr(source_module, "decode_source", faulty)
    record = build_bundle(task_for(tmp_path), lambda counts: None)
    assert {(row["code"], row["stage"]) for row in record.rejects} == {("E_CRASH", "task")}
    assert "KeyError" in record.rejects[0]["detail"]


def test_clips_of_one_video_are_scattered(tmp_path, task_for):
    record = build_bundle(task_for(tmp_path), lambda counts: None)
    videos = [row["video_id"] for part in record.parts for row in part.rows]
    assert sorted(videos) != videos
    samples = [s for part in record.parts for s in read_samples(str(tmp_path / part.name))]
    assert [sample.meta["video_id"] for sample in samples] == videos


def test_parts_are_cut_at_the_cap(tmp_path, task_for):
    record = build_bundle(task_for(tmp_path, max_shard_samples=4), lambda counts: None)
    assert [part.num_samples for part in record.parts] == [4, 4]
    assert [part.name[-7:] for part in record.parts] == ["-00.tar", "-01.tar"]
