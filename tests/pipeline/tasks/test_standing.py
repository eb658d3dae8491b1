import shutil

import pyarrow as pa
import pytest

from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.lock import LOCK, hold_output
from pipeline.tasks.plan import PLAN_COLUMNS, Plan
from pipeline.tasks.planfile import load_plan, save_plan
from pipeline.tasks.progress import reporter
from pipeline.tasks.standing import read_standing
from shards.commit import BundleRecord, commit_bundle
from shards.state import mark_complete


@pytest.fixture
def out(tmp_path) -> str:
    """A plan of three videos in two bundles."""
    sources = [
        {"video_id": video_id, "bundle": bundle, "bytes": 9, "digest": bytes(16)}
        for video_id, bundle in (("a", 0), ("b", 0), ("c", 1))
    ]
    plan = Plan("settings", (), pa.Table.from_pylist(sources, schema=PLAN_COLUMNS))
    save_plan(str(tmp_path), plan)
    return str(tmp_path)


def commit(out: str, bundle: str, *videos: str) -> None:
    rejects = [{"video_id": video, "code": "E_MOOV", "clips": 0, "t0_s": None} for video in videos]
    fingerprint = load_plan(out).fingerprints()[bundle]
    planned = dict.fromkeys(videos, 0)
    commit_bundle(out, BundleRecord(bundle, fingerprint, planned, [], rejects))


def test_a_build_nobody_works_on_is_stopped(out):
    standing = read_standing(out)
    assert (standing.stage, standing.num_bundles, standing.num_done) == ("stopped", 2, 0)
    assert standing.eta_s is None


def test_a_build_under_way_has_a_rate_and_an_end(out):
    with hold_output(out):
        commit(out, "000000", "a", "b")
        reporter(out, "000001.1")(BundleCounts(0, 7, 0, source="c"))
        standing = read_standing(out)
    assert standing.stage == "building" and standing.holder.state == "alive"
    assert (standing.num_committed, standing.num_done, standing.codes) == (1, 2, {"E_MOOV": 2})
    assert standing.under_way["000001"].source == "c"
    assert standing.videos_per_s > 0 and standing.clips_per_s > 0
    assert standing.eta_s == pytest.approx(standing.elapsed_s / 2, rel=0.01)
    assert standing.quiet_s < 60


def test_notes_of_a_dead_driver_do_not_count(out):
    reporter(out, "000000.1")(BundleCounts(1, 7, 0))
    with hold_output(out):
        assert read_standing(out).num_done == 1
    standing = read_standing(out)
    assert (standing.stage, standing.num_done, standing.under_way) == ("stopped", 0, {})


def test_the_manifest_is_made_when_all_is_committed(out, tmp_path):
    with hold_output(out):
        commit(out, "000000", "a", "b")
        commit(out, "000001", "c")
        assert read_standing(out).stage == "folding"
    (tmp_path / "manifest.json").write_text("{}")
    mark_complete(out, b"{}")
    assert read_standing(out).stage == "complete"


def test_a_driver_on_another_machine_is_told_apart(out, tmp_path):
    (tmp_path / LOCK).write_text("process 1 on somewhere-else\n")
    assert read_standing(out).stage == "away"


def test_a_bundle_of_older_settings_is_not_done(out):
    record = BundleRecord("000000", "of older settings", {"a": 0}, [], [])
    commit_bundle(out, record)
    assert read_standing(out).num_done == 0


def test_of_many_records_some_are_read_and_scaled(out, monkeypatch):
    monkeypatch.setattr("pipeline.tasks.standing.MAX_READ", 1)
    commit(out, "000000", "a", "b")
    commit(out, "000001", "c")
    standing = read_standing(out)
    assert standing.is_estimate and standing.rejects == 4 and standing.num_done == 3


def test_a_build_in_a_bucket_stands_somewhere_too(bucket):
    out = f"{bucket}/real"
    source = {"video_id": "a", "bundle": 0, "bytes": 9, "digest": bytes(16)}
    plan = Plan("settings", (), pa.Table.from_pylist([source], schema=PLAN_COLUMNS))
    save_plan(out, plan)
    assert read_standing(out).stage == "stopped"
    with hold_output(out):
        reporter(out, "000000.1")(BundleCounts(0, 7, 0, source="a"))
        standing = read_standing(out)
    assert standing.stage == "building" and standing.holder.state == "alive"
    assert standing.under_way["000000"].clips == 7
    assert standing.videos_per_s is None


def test_nothing_is_written(out, tmp_path):
    before = sorted(path.name for path in tmp_path.rglob("*"))
    read_standing(out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    shutil.rmtree(tmp_path)
