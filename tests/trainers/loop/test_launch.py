"""Training on Ray, killed in three ways, gives the curve of a run that nobody disturbed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from configs.faults import FaultsConfig
from trainers.data.damage import DamagedSample
from trainers.loop import budget, folder, launch, resize
from trainers.loop.attempts import read_attempts
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.deaths import GroupFailed, WorkerDied
from trainers.loop.interrupts import Interrupts
from trainers.loop.launch import TrainingFailed, train_attempts
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.skips import NonFiniteLoss
from trainers.loop.worker import train_worker

DRIVER = """
import sys
from configs.runs import TrainJob
from pipeline.stages import train

sys.exit(train.run(TrainJob.model_validate_json(sys.argv[1])))
"""


def start_driver(job, log):
    command = [sys.executable, "-c", DRIVER, job.model_dump_json()]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def worker_log(run_dir, attempt):
    return run_dir / folder.LOGS / f"attempt-{attempt}-worker-0.log"


def wait_for_step(driver, run_dir, step, attempt, limit_s=150):
    """Wait until an attempt is at a step; a killed driver's worker writes on for a moment."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and driver.poll() is None:
        lines = read_metrics(run_dir / folder.METRICS)
        if worker_log(run_dir, attempt).exists() and lines and lines[-1]["step"] >= step:
            return
        time.sleep(0.02)
    pytest.fail(f"step {step} was not reached")


def figures(run_dir):
    return without_timings(read_metrics(run_dir / folder.METRICS))


def undisturbed(job):
    preparation = prepare(job)
    train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
    return preparation.run_dir


class FakeGroup:
    """Lets each attempt reach a step, as if it had committed it, and end with an error."""

    def __init__(self, monkeypatch, outcomes, room=(1,)):
        self.left, self.rooms, self.workers = list(outcomes), list(room), []
        self.step = 0
        monkeypatch.setattr(launch, "newest_step", lambda run_dir: self.step)
        monkeypatch.setattr(budget.Budget, "pause_s", lambda self: 0.0)
        monkeypatch.setattr(resize, "SETTLE_S", 0.0)

    def fit(self, assignment, workers):
        self.workers.append(workers)
        self.step, error = self.left.pop(0)
        if error is not None:
            raise error

    def room(self, *, after_failure=False):
        return self.rooms.pop(0) if len(self.rooms) > 1 else self.rooms[0]

    def leaving(self):
        return []


def failed(failure=None):
    return GroupFailed({0: failure or WorkerDied("died")})


def attempt_all(job, group):
    preparation = prepare(job)
    train_attempts(preparation, Interrupts(preparation.run_dir / folder.STOP), group)
    return preparation.run_dir


def test_attempts_without_a_checkpoint_between_are_counted_and_one_renews_them(
    make_job, monkeypatch
):
    steps = [0, 2, 2, 4]
    group = FakeGroup(monkeypatch, [*((step, failed()) for step in steps), (6, None)])
    run_dir = attempt_all(make_job(attempts=3), group)
    assert not group.left
    ends = [event["kind"] for event in read_attempts(run_dir) if event["event"] == "end"]
    assert ends == ["killed"] * 4 + ["finished"]
    steps = [0, 2, 2, 2]
    group = FakeGroup(monkeypatch, [*((step, failed()) for step in steps), (6, None)])
    with pytest.raises(TrainingFailed, match=r"3 times without a checkpoint after step 2 .*died"):
        attempt_all(make_job(attempts=3), group)
    assert group.left == [(6, None)]


@pytest.mark.parametrize("failure", [DamagedSample("clip 7"), NonFiniteLoss("step 3")])
def test_an_error_that_would_come_again_is_not_tried_again(make_job, monkeypatch, failure):
    group = FakeGroup(monkeypatch, [(2, failed(failure)), (6, None)])
    with pytest.raises(TrainingFailed, match=f"step 2: worker 0: {failure}"):
        attempt_all(make_job(), group)
    assert group.left == [(6, None)]


def test_workers_that_end_early_without_a_reason_are_a_failure(make_job, monkeypatch):
    with pytest.raises(TrainingFailed, match="ended at step 2"):
        attempt_all(make_job(), FakeGroup(monkeypatch, [(2, None), (6, None)]))


def test_a_group_that_could_not_start_is_no_death_and_the_next_one_fits_what_is_left(
    make_job, monkeypatch
):
    nothing = [(2, GroupFailed({}, "no placement group"))] * 4
    group = FakeGroup(monkeypatch, [*nothing, (6, None)], room=[3, 3, 2, 1, 1])
    attempt_all(make_job(attempts=2, workers=3, min_workers=1), group)
    assert group.workers == [3, 3, 2, 1, 1]


def test_too_few_workers_for_too_long_end_the_training_and_say_so(make_job, monkeypatch):
    for least, outcomes in ((2, []), (0, [(0, GroupFailed({}, "no placement group"))])):
        job = make_job(workers=2, min_workers=least)
        job = job.model_copy(update={"faults": FaultsConfig(wait_for_workers_s=0.0)})
        with pytest.raises(TrainingFailed, match=r"needs 2 workers.*the same command goes on"):
            attempt_all(job, FakeGroup(monkeypatch, outcomes, room=[1]))


def test_a_group_that_waits_for_room_is_left_once_the_run_shall_stop(make_job, monkeypatch):
    preparation = prepare(make_job())
    interrupts = Interrupts(preparation.run_dir / folder.STOP)
    group, over = FakeGroup(monkeypatch, []), threading.Event()

    def wait_for_room(assignment, workers):
        os.kill(os.getpid(), signal.SIGTERM)
        over.wait(60)

    monkeypatch.setattr(group, "fit", wait_for_room)
    with interrupts:
        train_attempts(preparation, interrupts, group)
    over.set()
    assert interrupts.exit_code == 143


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_sigterm_and_kills_of_driver_and_worker_leave_no_trace_in_the_curve(make_job, tmp_path):
    options = {"steps": 160, "checkpoint_every": 4, "validate_every": 40, "everything": True}
    job = make_job(root=tmp_path / "disturbed", **options)
    run_dir, log = folder.run_folder(job.run), tmp_path / "driver.log"

    driver = start_driver(job, log)
    wait_for_step(driver, run_dir, 10, attempt=1)
    # To its whole group, as `timeout` and batch systems do.
    os.killpg(driver.pid, signal.SIGTERM)
    assert driver.wait(timeout=120) == 143, log.read_text()
    drained = read_metrics(run_dir / folder.METRICS)[-1]["step"]
    assert newest_checkpoint(run_dir / folder.CHECKPOINTS).step == drained

    driver = start_driver(job, log)
    wait_for_step(driver, run_dir, drained + 20, attempt=2)
    driver.kill()
    assert driver.wait(timeout=60) == -signal.SIGKILL
    killed = read_metrics(run_dir / folder.METRICS)[-1]["step"]
    assert killed < 160

    driver = start_driver(job, log)
    wait_for_step(driver, run_dir, killed + 10, attempt=3)
    begins = worker_log(run_dir, attempt=3).read_text()
    os.kill(int(re.search(r"pid (\d+)", begins)[1]), signal.SIGKILL)
    assert driver.wait(timeout=300) == 0, log.read_text()

    whole = undisturbed(make_job(root=tmp_path / "whole", **options))
    assert figures(run_dir) == figures(whole)
    states = [newest_checkpoint(run / folder.CHECKPOINTS).load() for run in (whole, run_dir)]
    for name, tensor in states[0]["model"].items():
        assert torch.equal(tensor, states[1]["model"][name]), name
    events = read_attempts(run_dir)
    assert [e["attempt"] for e in events if e["event"] == "begin"] == [1, 2, 3, 4]
    # The killed driver could not write its end.
    ends = [(e["attempt"], e["kind"]) for e in events if e["event"] == "end"]
    assert ends == [(1, "stopped"), (3, "killed"), (4, "finished")]
    assert "worker 0 died: " in log.read_text()

    again = start_driver(job, log)
    assert again.wait(timeout=60) == 0
    assert "is finished" in log.read_text()
    assert read_attempts(run_dir) == events
