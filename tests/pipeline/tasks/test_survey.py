"""What a plan finds in a folder. Bundles are committed without a decoder: rejects only, or tars
that are nothing but their size."""

import hashlib
from pathlib import Path

import pytest

from configs.runs import ShardsJob
from pipeline.listing.source import SourceFile, reject_row
from pipeline.tasks import survey as survey_module
from pipeline.tasks.plan import plan_bundles
from pipeline.tasks.survey import committed_fingerprints, survey
from shards.commit import BundleRecord, record_path, retire_bundle, rows_path
from shards.fold import fold
from shards.rows import rows_bytes
from shards.schema import sample_key
from shards.write import PartRecord

TAR_BYTES = 4096
LOST = [reject_row("zoe", "E_EMPTY", "no bytes", stage="listing", source="zoe.mp4")]


def sources(count: int = 12) -> list[SourceFile]:
    return [SourceFile(f"v{n}", f"/v/v{n}.mp4", "", f"v{n}.mp4", 10 + n, "1") for n in range(count)]


@pytest.fixture
def out(tmp_path) -> str:
    (tmp_path / "done").mkdir()
    return str(tmp_path)


def plan(out: str, listed: list[SourceFile]):
    job = ShardsJob.model_validate({"shards": {"out": out, "sources_per_bundle": 3}})
    return plan_bundles(job, out, listed)[1]


def commit(out: str, task) -> None:
    """One clip a video, but for the first one: it is rejected."""
    name = f"{task.bundle}-00.tar"
    rows = [
        {
            "key": sample_key(source.video_id, 0), "video_id": source.video_id, "split": "train",
            "shard": name, "offset": 0, "length": 9, "t0_ms": 0, "t1_ms": 3200, "num_windows": 1,
            "caption": "x", "flags": [], "source_sha256": "",
        }
        for source in task.sources[1:]
    ]  # fmt: skip
    part = PartRecord(name, "0" * 64, TAR_BYTES, len(rows), rows)
    data = rows_bytes([part])
    reject = reject_row(
        task.sources[0].video_id, "E_CODEC", "", stage="decode", source="", bundle=task.bundle
    )
    record = BundleRecord(
        task.bundle,
        task.fingerprint,
        {s.video_id: int(s is not task.sources[0]) for s in task.sources},
        [part],
        [reject],
        rows_sha256=sha256(data),
    )
    Path(rows_path(out, record)).write_bytes(data)
    Path(record_path(out, task.bundle)).write_bytes(record.to_bytes())
    (Path(out) / name).write_bytes(bytes(TAR_BYTES))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def found(out: str, tasks, rejects=(), **options):
    return survey(out, tasks, rejects, **{"retry_rejects": False, **options})


def build(out: str, tasks, rejects=()) -> None:
    for task in found(out, tasks).to_build:
        commit(out, task)
    fold(out, tasks.bundles, list(rejects))


def test_an_empty_folder_is_built_from_the_largest_bundle_on(out):
    tasks = plan(out, sources())
    work = found(out, tasks)
    assert sorted(work.to_build.bundles) == tasks.bundles and not work.to_retire
    sizes = [task.num_bytes for task in work.to_build]
    assert sizes == sorted(sizes, reverse=True) and not work.is_current


def test_what_is_committed_is_seen_without_a_manifest(out):
    tasks = plan(out, sources())
    commit(out, tasks[0])
    assert sorted(found(out, tasks).to_build.bundles) == tasks.bundles[1:]
    assert committed_fingerprints(out) == {tasks.bundles[0]: tasks.fingerprints[0]}


def test_a_finished_build_is_current_and_no_record_is_read(out, monkeypatch):
    tasks = plan(out, sources())
    build(out, tasks, LOST)

    def unread(*args, **options):
        raise AssertionError("a record is read")

    monkeypatch.setattr(survey_module, "read_record", unread)
    work = found(out, tasks, LOST)
    assert work.is_current and not len(work.to_build)


@pytest.mark.parametrize("is_complete", [True, False])
@pytest.mark.parametrize("what", ["tar", "short tar", "rows", "record"])
def test_a_bundle_that_lost_a_file_is_built_again(out, what, is_complete):
    tasks = plan(out, sources())
    build(out, tasks)
    if not is_complete:
        (Path(out) / "_SUCCESS").unlink()
    bundle = tasks.bundles[1]
    tar = Path(out) / f"{bundle}-00.tar"
    [rows] = (Path(out) / "done").glob(f"{bundle}.*.parquet")
    match what:
        case "tar":
            tar.unlink()
        case "short tar":
            tar.write_bytes(bytes(TAR_BYTES - 1))
        case "rows":
            rows.unlink()
        case "record":
            Path(record_path(out, bundle)).unlink()
    work = found(out, tasks)
    assert work.to_build.bundles == [bundle] and not work.is_current
    build(out, tasks)
    assert found(out, tasks).is_current


def test_other_rejects_of_the_listing_want_another_fold_and_no_build(out):
    tasks = plan(out, sources())
    build(out, tasks, LOST)
    work = found(out, tasks)
    assert not len(work.to_build) and not work.to_retire and not work.is_current


def test_a_stray_tar_wants_a_sweep(out):
    tasks = plan(out, sources())
    build(out, tasks)
    (Path(out) / "000099-00.tar").write_bytes(b"")
    assert not found(out, tasks).is_current


def test_bundles_that_are_not_planned_any_more_are_retired(out):
    tasks = plan(out, sources())
    build(out, tasks)
    gone = {source.video_id for source in tasks[0].sources}
    fewer = plan(out, [source for source in sources() if source.video_id not in gone])
    work = found(out, fewer)
    assert work.to_retire == tasks.bundles[:1] and not len(work.to_build)
    retire_bundle(out, tasks.bundles[0])
    assert not found(out, fewer).to_retire


def test_rejected_sources_are_tried_again_when_asked(out):
    tasks = plan(out, sources())
    build(out, tasks)
    work = found(out, tasks, retry_rejects=True)
    assert sorted(work.to_build.bundles) == sorted(work.to_retire) == tasks.bundles
