"""`training.workers 0`: the worker of a run in this process."""

import threading

import pytest

from trainers.loop import folder, local
from trainers.loop.attempts import read_attempts
from trainers.loop.deaths import GroupFailed
from trainers.loop.interrupts import Interrupts
from trainers.loop.launch import describe, train_attempts
from trainers.loop.limits import phase_limits
from trainers.loop.local import LocalGroup
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.worker import train_worker


def train(job, group):
    preparation = prepare(job)
    interrupts = Interrupts(preparation.run_dir / folder.STOP)
    train_attempts(preparation, interrupts, group)
    return without_timings(read_metrics(preparation.run_dir / folder.METRICS))


def test_the_curve_is_that_of_a_worker_on_ray(make_job, tmp_path):
    job = make_job(root=tmp_path / "ray")
    preparation = prepare(job)
    train_worker(begin_attempt(preparation, 1), 0, 1, local.local_device())
    wanted = without_timings(read_metrics(preparation.run_dir / folder.METRICS))
    assert train(make_job(root=tmp_path / "here", workers=0), LocalGroup()) == wanted


def test_an_error_of_the_worker_is_that_of_its_group(make_job, monkeypatch):
    def fail(*_, **__):
        raise OSError("the disk is gone")

    assignment = begin_attempt(prepare(make_job(workers=0)), 1)
    monkeypatch.setattr(local, "train_worker", fail)
    with pytest.raises(GroupFailed, match="worker 0: the disk is gone"):
        LocalGroup().fit(assignment, 1)


def test_a_run_goes_on_after_an_error_that_may_pass(make_job, monkeypatch):
    calls, real = [], local.train_worker

    def fail_once(*arguments):
        calls.append(threading.current_thread())
        if len(calls) == 1:
            raise OSError("the disk is gone")
        return real(*arguments)

    monkeypatch.setattr(local, "train_worker", fail_once)
    job = make_job(workers=0)
    lines = train(job, LocalGroup())
    assert lines[-1]["step"] == job.training.steps
    ends = [e["kind"] for e in read_attempts(folder.run_folder(job.run)) if e["event"] == "end"]
    assert ends == ["error", "finished"]


def test_a_debugger_may_hold_a_step_in_this_process_only(make_job):
    assert phase_limits(make_job(workers=0)).step_limit_s > 10**6
    job = make_job(workers=1)
    assert phase_limits(job) == job.faults


def test_the_plan_says_where_the_worker_runs(make_job):
    assert describe(make_job(workers=0)).startswith("in this process, 3 virtual ranks")
