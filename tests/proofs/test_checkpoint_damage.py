"""Checkpoints that are damaged in every way are found, and training goes on from the one before."""

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
from training import small_job, small_shards

from trainers.loop import folder
from trainers.loop.attempts import read_attempts
from trainers.loop.checkpoint import (
    JOB,
    MANIFEST,
    STATE,
    DamagedCheckpoint,
    newest_checkpoint,
    verify_checkpoint,
)
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.worker import train_worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STEPS, FLIPS, SNAPSHOT = 8, 1000, "checkpoint_manager_snapshot.json"
DAMAGES = ("flip", "cut", "empty", "remove")
CPU = torch.device("cpu")

DRIVER = """
import sys
from configs.runs import TrainJob
from pipeline.stages import train

sys.exit(train.run(TrainJob.model_validate_json(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return small_shards(tmp_path_factory.mktemp("small") / "shards")


@pytest.fixture(scope="module")
def whole(shards, tmp_path_factory):
    """A run of 8 steps that nothing disturbed, with the checkpoints of steps 2, 4, 6 and 8."""
    return train(job_of(shards, tmp_path_factory.mktemp("whole")))


def job_of(shards, root, **options):
    options = {"steps": STEPS, "keep_checkpoints": 9, **options}
    return small_job(shards, root, **options)


def train(job):
    train_worker(begin_attempt(prepare(job), 1), 0, 1, CPU)
    return folder.run_folder(job.run)


def same_bits(one, other):
    figures = [without_timings(read_metrics(run / folder.METRICS)) for run in (one, other)]
    assert figures[0] == figures[1]
    states = [newest_checkpoint(run / folder.CHECKPOINTS).load()["model"] for run in (one, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def stopped_at_six(whole, root):
    """A copy of the run as if it had died between steps 6 and 8."""
    run_dir = shutil.copytree(whole, root / whole.name)
    shutil.rmtree(checkpoint(run_dir, 8))
    return run_dir


def checkpoint(run_dir, step):
    return run_dir / folder.CHECKPOINTS / f"step-{step:08d}"


def harm(path, kind, dice):
    data = bytearray(path.read_bytes())
    match kind:
        case "flip":
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        case "cut":
            del data[dice.randrange(len(data)) :]
        case "empty":
            data.clear()
    path.write_bytes(data)
    if kind == "remove":
        path.unlink()


def test_each_file_of_the_newest_checkpoint_damaged_in_turn_costs_only_its_own_steps(
    shards, whole, tmp_path, figures
):
    dice, said = random.Random(0), {}
    for name in (STATE, JOB, MANIFEST):
        for kind in DAMAGES:
            root = tmp_path / f"{name}-{kind}"
            run_dir = stopped_at_six(whole, root)
            harm(checkpoint(run_dir, 6) / name, kind, dice)
            train(job_of(shards, root))
            same_bits(whole, run_dir)
            said[name, kind] = went_on_from(run_dir, 4)
            assert name in said[name, kind][0]
    figures(
        damages=len(said),
        went_on_from="step 4 of 6 each time",
        said=said[STATE, "flip"][0].rpartition("checkpoints/")[2],
        final_tensors="equal bit for bit to the undisturbed run's",
    )


def went_on_from(run_dir, step):
    """Assert where the newest attempt went on; return what it said of those it passed over."""
    events = read_attempts(run_dir)
    newest = max(event["attempt"] for event in events)
    own = [event for event in events if event["attempt"] == newest]
    [resume] = [event for event in own if event["event"] == "resume"]
    assert resume["from_step"] == step
    return [event["reason"] for event in own if event["event"] == "damaged"]


def test_several_damaged_checkpoints_fall_back_further_and_only_damaged_ones_are_refused(
    shards, whole, tmp_path, figures
):
    run_dir, dice = stopped_at_six(whole, tmp_path), random.Random(1)
    for step in (6, 4):
        harm(checkpoint(run_dir, step) / STATE, "flip", dice)
    shutil.copytree(run_dir, tmp_path / "lost" / run_dir.name)
    train(job_of(shards, tmp_path))
    same_bits(whole, run_dir)
    assert len(went_on_from(run_dir, 2)) == 2
    lost = tmp_path / "lost" / run_dir.name
    harm(checkpoint(lost, 2) / MANIFEST, "cut", dice)
    with pytest.raises(RuntimeError, match="3 damaged ones") as refused:
        prepare(job_of(shards, tmp_path / "lost"))
    figures(went_on_from="step 2 of 6", all_damaged=str(refused.value).partition(";")[0][-40:])


def test_a_thousand_flipped_bits_are_found(whole, tmp_path, figures):
    path = shutil.copytree(checkpoint(whole, 8), tmp_path / "step-00000008")
    files = {name: (path / name).read_bytes() for name in (STATE, JOB, MANIFEST)}
    dice, found, silent = random.Random(2), dict.fromkeys(files, 0), 0
    for number in range(FLIPS):
        # Most lie in the state, as its size has it; each of the others gets its share too.
        name = dice.choice((JOB, MANIFEST)) if number % 4 == 0 else STATE
        data = bytearray(files[name])
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (path / name).write_bytes(data)
        if name == STATE:
            silent += loads(path / name)
        try:
            verify_checkpoint(path)
        except DamagedCheckpoint:
            found[name] += 1
        (path / name).write_bytes(files[name])
    verify_checkpoint(path)
    figures(
        flips=FLIPS,
        found=sum(found.values()),
        by_file=str(found),
        flips_in_the_state_that_torch_load_alone_takes=silent,
        bytes=sum(map(len, files.values())),
    )
    assert sum(found.values()) == FLIPS


def loads(path):
    try:
        torch.load(path, weights_only=True)
    except Exception:
        return False
    return True


def test_rays_own_state_torn_emptied_and_removed_changes_nothing(shards, tmp_path, figures):
    options = {"steps": 2000, "checkpoint_every": 20, "validate_every": 1000}
    job = job_of(shards, tmp_path / "disturbed", **options)
    run_dir, log = folder.run_folder(job.run), tmp_path / "driver.log"
    reached, damaged = [], {}
    for kind in ("tear", "empty", "remove"):
        driver = start(job, log)
        # From where the one before ended: a quick machine is far past any fixed step by then.
        wait_for_step(driver, run_dir, reached[-1] + 40 if reached else 40)
        driver.kill()
        driver.wait(timeout=60)
        wait_until_nobody_writes(run_dir)
        reached.append(newest_step(run_dir))
        damaged[kind] = disturb_ray(run_dir / folder.RAY, kind)
    assert start(job, log).wait(timeout=300) == 0, log.read_text()
    undisturbed = train(job_of(shards, tmp_path / "whole", **options))
    same_bits(undisturbed, run_dir)
    begins = [event["from_step"] for event in read_attempts(run_dir) if event["event"] == "resume"]
    assert begins == [0, *reached]
    figures(
        files_damaged=json.dumps(damaged).strip("{}"),
        went_on_from=str(begins),
        final_tensors="equal bit for bit to the undisturbed run's",
    )


def start(job, log):
    command = [sys.executable, "-c", DRIVER, job.model_dump_json()]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def wait_for_step(driver, run_dir, step):
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and driver.poll() is None:
        lines = read_metrics(run_dir / folder.METRICS)
        if lines and lines[-1]["step"] >= step and newest_step(run_dir) >= step - 4:
            return
        time.sleep(0.05)
    pytest.fail(f"step {step} was not reached")


def wait_until_nobody_writes(run_dir):
    """A killed driver's worker may write on for a moment, and commit one more checkpoint."""
    for beat in (run_dir / folder.HEARTBEATS).glob("attempt-*.json"):
        pid = json.loads(beat.read_bytes())["pid"]
        deadline = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)


def disturb_ray(root, kind):
    """Damage all that Ray keeps of its attempts, and plant a snapshot where it kept none."""
    newest = max(root.glob("attempt-*"), key=lambda path: int(path.name.split("-")[1]))
    number = int(newest.name.split("-")[1])
    for name in (newest.name, f"attempt-{number + 1}"):
        (root / name).mkdir(exist_ok=True)
        if not (root / name / SNAPSHOT).exists():
            (root / name / SNAPSHOT).write_text(json.dumps({"checkpoint_results": []}) * 9)
    files = [path for path in root.rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if kind == "tear" else b"")
    if kind == "remove":
        shutil.rmtree(root)
    return len(files)
