"""A run that lies in a bucket, against a real S3 server on loopback."""

import json
import os

import pytest
import torch

from shards import storage
from shards.paths import StorePath
from trainers.evaluation.beside import hold
from trainers.loop import folder, objects
from trainers.loop.attempts import (
    Fence,
    StaleAttempt,
    append_event,
    driver_lock,
    newest_attempt,
    read_attempts,
)
from trainers.loop.checkpoint import newest_checkpoint, verify_checkpoint
from trainers.loop.desk import Desk, clear_desk, desk_folder
from trainers.loop.heartbeat import Heartbeat, read_heartbeats
from trainers.loop.inhand import read_rows
from trainers.loop.manifests import list_checkpoints
from trainers.loop.metrics import read_lost, read_metrics, without_timings
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.worker import Worker, train_worker

CPU = torch.device("cpu")


def train(job):
    preparation = prepare(job)
    train_worker(begin_attempt(preparation, 1), 0, 1, CPU)
    return preparation.run_dir


def train_until(job, step):
    """Train and die after the metrics of `step`, without a word to the bucket."""
    preparation = prepare(job)
    assignment = begin_attempt(preparation, 1)
    desk = Desk(preparation.run_dir, assignment.attempt, 0)
    heartbeat = Heartbeat(desk.folder, assignment.attempt, 0)
    worker = Worker(assignment, 0, 1, CPU, heartbeat, desk)
    write = worker.recorder.write

    def write_and_die(done, values):
        write(done, values)
        if done == step:
            raise KeyboardInterrupt

    worker.recorder.write = write_and_die
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    worker.checkpointer.close()
    worker.parts.loader.close()
    worker.signs.close()
    desk._closed.set()
    desk._thread.join()
    return preparation.run_dir


def figures(run_dir):
    return without_timings(read_metrics(run_dir / folder.METRICS))


def weights(run_dir):
    return newest_checkpoint(run_dir / folder.CHECKPOINTS).load()


def assert_equal(one, other):
    assert figures(one) == figures(other)
    states = [weights(run_dir) for run_dir in (one, other)]
    for name, tensor in states[0]["model"].items():
        assert torch.equal(tensor, states[1]["model"][name]), name


def test_a_run_that_died_in_a_bucket_goes_on_bit_for_bit(make_job, tmp_path, bucket):
    whole = train(make_job(root=tmp_path))
    job = make_job(root=f"{bucket}/runs")
    run_dir = train_until(job, 5)
    assert isinstance(run_dir, StorePath)
    # As on another machine, where nothing of the first is.
    clear_desk(run_dir)
    assert train(job) == run_dir
    assert_equal(run_dir, whole)
    lost = [event["lost_steps"] for event in read_attempts(run_dir) if event["event"] == "resume"]
    assert lost == [[], [5]]
    assert [line["step"] for line in read_lost(run_dir / folder.METRICS)] == [5]


def test_a_damaged_newest_checkpoint_is_passed_over_and_written_again(make_job, tmp_path, bucket):
    whole = train(make_job(root=tmp_path))
    job = make_job(root=f"{bucket}/runs")
    run_dir = train_until(job, 5)
    newest = newest_checkpoint(run_dir / folder.CHECKPOINTS)
    state = str(newest.file("state.pt"))
    data = bytearray(storage.read_bytes(state))
    data[len(data) // 2] ^= 1
    storage.write_atomic(state, bytes(data))
    assignment = begin_attempt(prepare(job), 1)
    assert assignment.checkpoint.endswith("step-00000002")
    assert any(event["event"] == "damaged" for event in read_attempts(run_dir))
    train_worker(assignment, 0, 1, CPU)
    assert_equal(run_dir, whole)
    again = [p for p in list_checkpoints(run_dir / folder.CHECKPOINTS) if p == newest.path]
    assert objects.file_of(again[0], 2, "state.pt").is_file(), "in place of the damaged one"


def test_what_grows_is_brought_to_the_bucket_and_nothing_stays_here(make_job, bucket):
    run_dir = train(make_job(root=f"{bucket}/runs"))
    clear_desk(run_dir)
    names = run_dir.sizes()
    assert any(name.startswith("tensorboard/events") for name in names)
    assert "metrics.jsonl/00000001-000001.jsonl" in names
    assert [beat["step"] for beat in read_heartbeats(run_dir, 1)] == [6]
    assert read_rows(run_dir, 1, 0), "from the bucket: here they are gone"
    assert not any(desk_folder(run_dir).iterdir())


def test_a_stop_sign_in_a_bucket_gives_a_checkpoint(make_job, bucket):
    job = make_job(root=f"{bucket}/runs", steps=2000, checkpoint_every=1000, validate_every=1000)
    assignment = begin_attempt(prepare(job), 1)
    run_dir = StorePath(assignment.run_dir)
    (run_dir / folder.STOP).touch()
    assert train_worker(assignment, 0, 1, CPU) == "stopped"
    assert newest_checkpoint(run_dir / folder.CHECKPOINTS).step < 1000


def test_of_two_drivers_that_begin_an_attempt_one_does(bucket):
    run_dir = StorePath(f"{bucket}/runs/r")
    append_event(run_dir, 1, "begin")
    with pytest.raises(StaleAttempt, match="begun by another driver"):
        append_event(run_dir, 1, "begin")
    append_event(run_dir, 1, "end", step=3)
    assert [event["event"] for event in read_attempts(run_dir)] == ["begin", "end"]
    fence = Fence(run_dir, 1)
    fence.check()
    append_event(run_dir, 2, "begin")
    assert newest_attempt(run_dir) == 2
    with pytest.raises(StaleAttempt, match="attempt 2 has taken over"):
        fence.check()


def test_a_checkpoint_of_an_older_attempt_does_not_replace_that_of_a_newer(bucket):
    final = StorePath(f"{bucket}/runs/r/checkpoints/step-00000002")
    objects.commit(final, b"of 2", 2, lambda: 0)
    with pytest.raises(StaleAttempt):
        objects.commit(final, b"of 1", 1, lambda: 2)
    objects.commit(final, b"of 3", 3, lambda: 2)
    assert (final / objects.MANIFEST).read_bytes() == b"of 3"


def test_objects_that_no_manifest_stands_for_are_no_checkpoint_and_are_removed(make_job, bucket):
    job = make_job(root=f"{bucket}/runs")
    run_dir = train(job)
    root = run_dir / folder.CHECKPOINTS
    kept = list_checkpoints(root)
    half = root / "step-00000009" / "attempt-1" / "state.pt"
    storage.write_atomic(str(half), b"half of it")
    assert list_checkpoints(root) == kept
    begin_attempt(prepare(job), 1)
    assert not half.is_file() and list_checkpoints(root) == kept


def test_a_store_that_does_not_answer_is_no_damage(make_job, bucket, monkeypatch):
    run_dir = train(make_job(root=f"{bucket}/runs"))

    def away(path):
        raise OSError(5, "the S3 server said 503", path)

    monkeypatch.setattr("trainers.loop.checkpoint.size_of", away)
    with pytest.raises(OSError, match="503"):
        newest_checkpoint(run_dir / folder.CHECKPOINTS)


def test_a_second_driver_of_a_run_in_a_bucket_is_refused(bucket):
    run_dir = StorePath(f"{bucket}/runs/r")
    with driver_lock(run_dir):
        owner = json.loads((run_dir / "driver.lock").read_bytes())
        assert owner["pid"] == os.getpid()
        with (
            pytest.raises(ValueError, match=r"run\.name must have one driver"),
            driver_lock(run_dir),
        ):
            pass


def test_a_run_in_a_bucket_branches_into_another(make_job, bucket):
    job = make_job(root=f"{bucket}/runs")
    train(job)
    checkpoints = job.checkpoints.model_copy(update={"branch": "tiny@4"})
    run = job.run.model_copy(update={"name": "branch"})
    branch = job.model_copy(update={"checkpoints": checkpoints, "run": run})
    run_dir = train(branch)
    assert_equal_from(run_dir, StorePath(f"{bucket}/runs/tiny"), 4)


def assert_equal_from(branch, whole, step):
    assert figures(branch) == [line for line in figures(whole) if line["step"] > step]


def test_a_checkpoint_that_waits_to_be_measured_is_a_copy(make_job, bucket):
    root = train(make_job(root=f"{bucket}/runs")) / folder.CHECKPOINTS
    waiting = root.with_name("evaluation") / "waiting"
    newest = list_checkpoints(root)[-1]
    hold(newest, waiting)
    objects.remove(newest)
    (held,) = list_checkpoints(waiting)
    assert held.name == newest.name and verify_checkpoint(held).load()["step"] == 6
    hold(root / "step-00000099", waiting)
    assert list_checkpoints(waiting) == [held], "what was pruned before it could be held is left"
