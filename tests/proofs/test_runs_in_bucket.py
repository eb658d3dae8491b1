"""A run that lies in a bucket: killed with its driver and all of Ray, and taken up as elsewhere.

The commands are those of a user, against an S3 server on loopback. After each kill the folder of
this machine is removed too, so the next driver has what the bucket has and nothing else.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from training import small_job, small_shards

from shards import storage
from shards.paths import any_path
from trainers.loop import folder
from trainers.loop.attempts import read_attempts
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.desk import desk_folder
from trainers.loop.manifests import list_checkpoints, step_of
from trainers.loop.metrics import read_metrics, without_timings

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1800)]

STEPS, KILLS, WORKERS = 80, 4, 2


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return small_shards(tmp_path_factory.mktemp("small") / "shards")


def weakvid(*words, log):
    """Begin a command of its own process group."""
    command = [sys.executable, "-m", "pipeline.cli", *words]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def begin(shards, root, tmp_path, log):
    job = small_job(
        shards, root, workers=WORKERS, steps=STEPS, checkpoint_every=5, validate_every=50
    )
    config = tmp_path / "job.yaml"
    config.write_text(yaml.safe_dump(job.model_dump(mode="json")))
    words = ("--config", str(config), "--run.root", str(root), "--data.shards", str(shards))
    return weakvid("train", *words, log=log)


def children(pid):
    """All processes below one."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child), *children(int(child))]
    return found


def kill_all(driver):
    """Kill a driver and whatever it has started, as a machine that loses its power does."""
    for pid in [driver.pid, *children(driver.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    driver.wait()


def newest_step(run_dir):
    return max(map(step_of, list_checkpoints(run_dir / folder.CHECKPOINTS)), default=0)


def same_bits(one, other):
    figures = [without_timings(read_metrics(run / folder.METRICS)) for run in (one, other)]
    assert figures[0] == figures[1]
    states = [newest_checkpoint(run / folder.CHECKPOINTS).load() for run in (one, other)]
    for name, tensor in states[0]["model"].items():
        assert torch.equal(tensor, states[1]["model"][name]), name
    return sum(len(line) for line in figures[0])


def damage_newest(run_dir):
    newest = newest_checkpoint(run_dir / folder.CHECKPOINTS)
    state = str(newest.file("state.pt"))
    data = bytearray(storage.read_bytes(state))
    data[len(data) // 3] ^= 4
    storage.write_atomic(state, bytes(data))
    return newest.step


def test_a_run_in_a_bucket_that_is_killed_with_its_machine_gives_the_same_bits(
    shards, bucket, tmp_path, figures
):
    log, generator = tmp_path / "log", random.Random(11)
    assert begin(shards, tmp_path / "calm", tmp_path, log).wait(300) == 0, log.read_text()[-3000:]
    run_dir, kills, damaged = any_path(f"{bucket}/runs/tiny"), 0, 0
    while True:
        driver, before = begin(shards, f"{bucket}/runs", tmp_path, log), newest_step(run_dir)
        if kills < KILLS:
            while driver.poll() is None and newest_step(run_dir) <= before:
                time.sleep(0.2)
            time.sleep(generator.uniform(0, 1.5))
        if driver.poll() is None and kills < KILLS:
            kill_all(driver)
            kills += 1
            shutil.rmtree(desk_folder(run_dir), ignore_errors=True)
            if kills == KILLS // 2:
                damaged = damage_newest(run_dir)
            continue
        assert driver.wait(300) == 0, log.read_text()[-3000:]
        break
    events = read_attempts(run_dir)
    lost = sum(len(event.get("lost_steps", [])) for event in events)
    assert any(event["event"] == "damaged" for event in events)
    figures(
        steps=STEPS,
        workers=WORKERS,
        kills_of_driver_and_workers=kills,
        damaged_checkpoint_passed_over=damaged,
        steps_done_again=lost,
        attempts=max(event["attempt"] for event in events),
        equal_figures=same_bits(any_path(str(tmp_path / "calm" / "tiny")), run_dir),
    )
    assert kills == KILLS
    _read_back(run_dir, bucket, tmp_path)


def _read_back(run_dir, bucket, tmp_path):
    """Status, evaluation and report work on the bucket."""
    log = tmp_path / "read.log"
    assert weakvid("status", str(run_dir), "--json", log=log).wait(60) == 0, log.read_text()
    facts = json.loads(log.read_text()[log.read_text().index("{") :])
    assert facts["state"] == "finished" and facts["step"] == STEPS
    assert facts["checkpoint"]["step"] == STEPS and facts["checkpoint"]["age_s"] > 0
    config, run = tmp_path / "read.yaml", {"root": f"{bucket}/runs", "name": "tiny"}
    # The preset's truth is of the demo corpus.
    no_truth = {"cues": "", "fusion": {"labels": ""}, "retrieval": {"split": "val", "queries": ""}}
    for verb, more in (("evaluate", {"evaluation": no_truth}), ("report", {"source": ""})):
        config.write_text(yaml.safe_dump({"run": run, **more}))
        assert weakvid(verb, "--config", str(config), log=log).wait(200) == 0, log.read_text()
    page = (run_dir / "report.html").read_bytes()
    assert b"<html" in page and (run_dir / "evaluation" / "retrieval.json").is_file()
