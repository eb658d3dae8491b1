import json

import pytest

from pipeline.reports import runstatus
from pipeline.reports.runstatus import driver_is_here, run_lines
from trainers.loop.attempts import driver_lock
from trainers.loop.heartbeat import Heartbeat


def said(run_dir, now_unix_s=1062.0):
    return "\n".join(run_lines(run_dir, now_unix_s))


def test_a_finished_run_tells_how_it_went(read_only_material):
    text = said(read_only_material.run_dir)
    assert f"{read_only_material.run_dir}: finished" in text
    assert "step        40 of 40 (100 %)" in text
    assert "loss 1.100" in text and "40.0 clips/s" in text and "1.0 GiB" in text
    assert "held out    step 40: loss 2" in text
    assert "attempts    2, 1 interruption, 3 steps done again, effective training time 66.7" in text
    assert "a worker was killed at step 23, 3 steps lost, went on from step 20" in text
    assert "skipped     1, the last: step 30: loss nan" in text
    assert "slow        worker 1 on" in text and "2.5 times the others' median" in text
    assert "own work 1.50 s" in text.partition("workers     1 on")[2].partition("\n")[0]
    assert "\x1b" not in text


def test_a_run_under_way_shows_where_each_worker_is_and_how_long_it_takes(material):
    run_dir = material.run_dir
    (run_dir / "config.yaml").write_text("run: {name: tiny}\ntraining: {steps: 100}\n")
    Heartbeat(run_dir, 2, 1).beat(40, "step")
    with driver_lock(run_dir):
        text = "\n".join(run_lines(run_dir))
    assert ": training, last sign of life" in text
    assert "40 of 100 (40 %), about 1:00 min of steps to go" in text
    assert "in phase step after step 40, for 0 s" in text


def test_a_driver_that_has_gone_is_told_from_one_that_is_here(tmp_path):
    with driver_lock(tmp_path):
        assert driver_is_here(tmp_path / "driver.lock")
    assert not driver_is_here(tmp_path / "driver.lock")
    assert not driver_is_here(tmp_path / "never.lock")


def test_a_stopped_run_says_what_to_do(material):
    (material.run_dir / "config.yaml").write_text("training: {steps: 100}\n")
    now = "\n".join(run_lines(material.run_dir))
    later = said(material.run_dir, (material.run_dir / "metrics.jsonl").stat().st_mtime + 500)
    for text in (now, later):
        assert "not training, last sign of life" in text and "the same command goes on" in text


def test_a_run_whose_driver_is_elsewhere_is_not_called_stopped(material):
    (material.run_dir / "config.yaml").write_text("training: {steps: 100}\n")
    events = (material.run_dir / "attempts.jsonl").read_text().splitlines()
    (material.run_dir / "attempts.jsonl").write_text("\n".join(events[:-1]) + "\n")
    text = "\n".join(run_lines(material.run_dir))
    assert "its driver is not on this machine, or has just ended" in text


def test_an_interruption_that_nobody_took_up_is_told_so(material):
    (material.run_dir / "config.yaml").write_text("training: {steps: 100}\n")
    events = (material.run_dir / "attempts.jsonl").read_text().splitlines()
    (material.run_dir / "attempts.jsonl").write_text("\n".join(events[:3]) + "\n")
    assert "a worker was killed at step 40, 0 steps lost, not taken up again" in said(
        material.run_dir
    )


def test_where_there_is_nothing_yet_there_is_a_word_for_it(tmp_path):
    text = said(tmp_path)
    assert "not begun" in text and "step        none yet" in text
    assert "checkpoint  none yet" in text and "report      none yet" in text


def test_many_workers_are_shown_slowest_first_and_the_rest_counted(material, monkeypatch):
    monkeypatch.setattr(runstatus, "MAX_WORKERS", 2)
    rows = [{"worker": n, "node": "a", "own_p50_s": float(n), "step_p50_s": 9.0} for n in range(5)]
    (material.run_dir / "workers.jsonl").write_text(json.dumps({"workers": rows}) + "\n")
    lines = [line for line in said(material.run_dir).splitlines() if line.startswith("workers")]
    assert [line.split()[1] for line in lines] == ["4", "3", "and"]
    assert lines[-1].endswith("and 3 quicker ones")


@pytest.mark.parametrize("name", ["metrics.jsonl", "attempts.jsonl", "workers.jsonl"])
def test_damaged_files_leave_a_status(material, name):
    (material.run_dir / name).write_bytes(b'{"step": [], "train/loss": {}}\n[1\n{"st')
    assert said(material.run_dir).count("\n") > 4
