import json
from types import SimpleNamespace

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


def one_run(folder):
    (folder / "checkpoints" / "step-00000002").mkdir(parents=True)
    (folder / "config.yaml").write_text("training: {steps: 10}\n")
    line = {"step": 2, "train/loss": float("nan"), "train/lr": 0.1, "train/step_s": 3.0}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")


def test_a_run_is_found_by_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one_run(tmp_path / "runs" / "real")
    assert status.run("real") == 0
    assert "run         runs/real: " in capsys.readouterr().out


def test_a_run_as_json_is_one_object_without_what_is_no_json(tmp_path, capsys):
    one_run(tmp_path)
    assert status.run(str(tmp_path), as_json=True) == 0
    facts = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert facts["what"] == "run" and (facts["step"], facts["steps"]) == (2, 10)
    assert facts["eta_s"] == 24.0 and facts["checkpoint"]["step"] == 2
    assert {"attempts", "interruptions", "workers", "lost_steps", "figures"} <= set(facts)


def test_a_build_as_json_is_one_object(little_shards, capsys):
    assert status.run(little_shards, as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["what"] == "shards" and facts["stage"] == "complete"
    assert facts["num_committed"] == facts["num_bundles"] and facts["codes"]


@pytest.fixture
def cluster(monkeypatch):
    """A cluster that knows the jobs of a list."""
    jobs = []
    client = SimpleNamespace(list_jobs=lambda: jobs)
    monkeypatch.setattr(status, "reach", lambda address, *, insecure_local: client)

    def add(submission_id, folder, state="RUNNING", code=None):
        metadata = {"weakvid_verb": "train", "weakvid_folder": folder}
        jobs.append(
            SimpleNamespace(
                submission_id=submission_id,
                metadata=metadata,
                status=state,
                driver_exit_code=code,
                message="",
                start_time=1000,
                end_time=61000 if code is not None else None,
            )
        )

    return add


def test_the_job_on_a_cluster_is_told_with_what_it_writes(tmp_path, cluster, capsys):
    one_run(tmp_path)
    cluster("real-1", str(tmp_path), "FAILED", 1)
    cluster("real-2", str(tmp_path))
    assert status.run("real", address="http://head:8265") == 0
    said = capsys.readouterr().out
    assert "job       real-2 (train): running, for " in said and "step        2 of 10" in said
    assert status.run("real", address="http://head:8265", as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["job"]["attempt"] == 2 and facts["steps"] == 10


def test_a_job_whose_folder_is_not_seen_here_is_told_alone(cluster, capsys):
    cluster("real-1", "/nowhere/real", "FAILED", 1)
    assert status.run("real", address="http://head:8265") == 0
    said = capsys.readouterr().out
    assert "real-1 (train): failed, exit code 1, took 1.0 min" in said
    assert "/nowhere/real: not seen from this machine" in said
