import json

import pyarrow as pa
import pytest

from pipeline.stages import status
from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.lock import hold_output
from pipeline.tasks.plan import PLAN_COLUMNS, Plan
from pipeline.tasks.planfile import load_plan, save_plan
from pipeline.tasks.progress import reporter
from shards.commit import BundleRecord, commit_bundle


def test_a_build_under_way_shows_how_far_it_is(tmp_path, capsys):
    out = str(tmp_path)
    sources = [
        {"video_id": video_id, "bundle": bundle, "bytes": 9, "digest": bytes(16)}
        for video_id, bundle in (("a", 0), ("b", 0), ("c", 1))
    ]
    save_plan(out, Plan("settings", (), pa.Table.from_pylist(sources, schema=PLAN_COLUMNS)))
    reporter(out, "000000.1")(BundleCounts(1, 7, 2, source="b"))
    with hold_output(out):
        assert status.run(out) == 0
    said = capsys.readouterr().out
    assert "not complete" in said and "0 of 2 committed" in said
    assert "1 of 3 done" in said and "7 under way" in said
    assert "a driver is building" in said and "now b" in said and "to go" in said


def test_a_run_shows_its_newest_step(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("")
    lines = [
        {"step": 1, "train/loss": 3.0, "train/lr": 0.1},
        {"step": 2, "train/loss": 2.5, "train/lr": 0.1},
        {"step": 2, "val/x": 1},
    ]
    torn = "".join(json.dumps(line) + "\n" for line in lines) + '{"step": 3, "tr'
    (tmp_path / "metrics.jsonl").write_text(torn)
    (tmp_path / "checkpoints" / "step-00000002").mkdir(parents=True)
    assert status.run(str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "loss 2.500" in said and "step-00000002" in said


def test_any_other_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="status needs"):
        status.run(str(tmp_path))


def test_rejects_are_told_by_code_and_a_stopped_build_says_what_to_do(tmp_path, capsys):
    out = str(tmp_path)
    row = {"video_id": "a", "bundle": 0, "bytes": 9, "digest": bytes(16)}
    save_plan(out, Plan("settings", (), pa.Table.from_pylist([row], schema=PLAN_COLUMNS)))
    reject = {"video_id": "a", "code": "E_MOOV", "clips": 0, "t0_s": None}
    fingerprint = load_plan(out).fingerprints()["000000"]
    commit_bundle(out, BundleRecord("000000", fingerprint, {"a": 0}, [], [reject]))
    assert status.run(out) == 0
    said = capsys.readouterr().out
    assert "nobody is building; the same command goes on" in said
    assert "E_MOOV" in said and "cut off before its index" in said
    with hold_output(out):
        assert status.run(out) == 0
    said = capsys.readouterr().out
    assert "the manifest is being written" in said and "driver    process" in said


def test_a_complete_build_counts_what_is_in_no_bundle_too(little_shards, capsys):
    assert status.run(little_shards) == 0
    said = capsys.readouterr().out
    assert "complete" in said and "E_CAPNOVIDEO" in said
    assert "planned 14 = written 12 + rejected 2" in said
