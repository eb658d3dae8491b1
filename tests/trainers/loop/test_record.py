import json

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainers.lines import read_lines
from trainers.loop import folder
from trainers.loop.attempts import Fence, append_event, read_attempts
from trainers.loop.desk import Desk
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.record import Recorder
from trainers.loop.stragglers import Straggler
from trainers.loop.worker import train_worker
from trainers.loop.workertimes import Exchange


def record(job, run_dir, attempt, steps, step, value):
    append_event(run_dir, attempt, "begin")
    recorder = Recorder(job, Desk(run_dir, attempt, 0), Fence(run_dir, attempt), step)
    for done in steps:
        recorder.write(done, {"train/loss": value, "train/lr": 0.1})
    recorder.close()


def test_tensorboard_shows_steps_that_are_done_again_once(make_job, tmp_path):
    job = make_job()
    # Killed before the first checkpoint: everything is done again.
    record(job, tmp_path, 1, [1, 2, 3], 0, 5.0)
    record(job, tmp_path, 2, [1, 2, 3], 0, 6.0)
    record(job, tmp_path, 3, [3, 4], 2, 7.0)
    events = EventAccumulator(str(tmp_path / folder.TENSORBOARD)).Reload().Scalars("train/loss")
    assert [(event.step, event.value) for event in events] == [(1, 6), (2, 6), (3, 7), (4, 7)]


def test_an_attempt_says_when_it_steps_again_so_that_the_time_to_recover_is_known(
    make_job, tmp_path
):
    record(make_job(), tmp_path, 1, [1, 2, 3], 0, 5.0)
    record(make_job(), tmp_path, 2, [3, 4], 2, 5.0)
    stepping = [event for event in read_attempts(tmp_path) if event["event"] == "stepping"]
    assert [(event["attempt"], event["step"]) for event in stepping] == [(1, 1), (2, 3)]


def test_times_of_each_worker_go_to_a_log_and_to_tensorboard_and_a_slow_one_is_named(
    make_job, tmp_path, caplog
):
    append_event(tmp_path, 1, "begin")
    recorder = Recorder(make_job(), Desk(tmp_path, 1, 0), Fence(tmp_path, 1), 0)
    rows = [{"worker": n, "node": "here", "step_p50_s": 0.5 + n, "rss_bytes": 7} for n in (0, 1)]
    slow = Straggler(1, "there", "data", 3.217, 20)
    recorder.write_workers(20, Exchange(rows, {}, [slow]))
    recorder.close()
    (line,) = map(json.loads, (tmp_path / folder.WORKERS).read_text().splitlines())
    assert line["workers"] == rows and (line["step"], line["attempt"]) == (20, 1)
    events = EventAccumulator(str(tmp_path / folder.TENSORBOARD)).Reload()
    assert events.Scalars("worker-1/step_p50_s")[0].value == 1.5
    named = [event for event in read_attempts(tmp_path) if event["event"] == "straggler"]
    wanted = {"worker": 1, "node": "there", "phase": "data", "ratio": 3.22, "step": 20}
    assert [{key: event[key] for key in wanted} for event in named] == [wanted]
    assert "worker 1 on there is slow: 3.2 times" in caplog.text


def test_without_tensorboard_nothing_of_it_is_written(make_job, tmp_path):
    job = make_job()
    off = job.tracking.model_copy(update={"tensorboard": False})
    record(job.model_copy(update={"tracking": off}), tmp_path, 1, [1], 0, 5.0)
    assert not (tmp_path / folder.TENSORBOARD).exists()
    assert (tmp_path / folder.METRICS).exists()


def test_a_run_leaves_the_times_and_the_memory_of_its_worker_in_both_logs(make_job):
    job = make_job(steps=3, validate_every=2, checkpoint_every=2)
    preparation = prepare(job)
    train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
    lines = [
        line for line in read_metrics(preparation.run_dir / folder.METRICS) if "train/loss" in line
    ]
    assert all(line["train/step_s"] > 0 and line["time/wait_s"] == 0 for line in lines)
    # What held up the loop after step 2 stands with step 3.
    assert [("time/validate_s" in line, "time/checkpoint_s" in line) for line in lines] == [
        (False, False), (False, False), (True, True),
    ]  # fmt: skip
    assert lines[-1]["memory/rss_bytes"] > 2**26
    (last,) = read_lines(preparation.run_dir / folder.WORKERS)
    assert last["step"] == 3 and last["workers"][0]["step_p50_s"] > 0
