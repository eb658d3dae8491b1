"""Training that is killed again and again gives the bits of a training that nobody disturbed."""

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from training import Fault, Processes, small_job, small_shards

from configs.faults import FaultsConfig
from trainers.data.corpus import Corpus
from trainers.data.mixture import train_order
from trainers.loop import folder, resize
from trainers.loop.attempts import read_attempts
from trainers.loop.budget import Budget
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.heartbeat import START, read_heartbeats
from trainers.loop.interrupts import Interrupts
from trainers.loop.launch import TrainingFailed, train_attempts
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.prepare import prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STEPS, KILLS = 320, 20
LIMITS = FaultsConfig(start_limit_s=60, step_limit_s=3, wait_for_workers_s=0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return small_shards(tmp_path_factory.mktemp("small") / "shards")


@pytest.fixture(autouse=True)
def no_pause_between_attempts(monkeypatch):
    monkeypatch.setattr(Budget, "pause_s", lambda self: 0.0)


def train(job, group):
    preparation = prepare(job)
    interrupts = Interrupts(preparation.run_dir / folder.STOP)
    train_attempts(preparation, interrupts, group)
    return preparation.run_dir


def job_of(shards, root, workers, **options):
    options = {"steps": STEPS, "checkpoint_every": 4, "validate_every": 100, **options}
    job = small_job(shards, root, workers=workers, **options)
    return job.model_copy(update={"faults": LIMITS})


def same_bits(one, other):
    """Assert that figures and final tensors of two runs are equal; return how many figures."""
    figures = [without_timings(read_metrics(run / folder.METRICS)) for run in (one, other)]
    assert figures[0] == figures[1]
    states = [newest_checkpoint(run / folder.CHECKPOINTS).load() for run in (one, other)]
    assert equal(states[0]["model"], states[1]["model"])
    assert equal(states[0]["optimizer"], states[1]["optimizer"])
    return sum(len(line) for line in figures[0])


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def ends(run_dir):
    return [event for event in read_attempts(run_dir) if event["event"] == "end"]


class Killer:
    """Kills one worker of each attempt at a random moment, some while a checkpoint is written."""

    def __init__(self, seed, kills, spared=()):
        self.random, self.left, self.tally = random.Random(seed), kills, Counter()
        self.spared = spared

    def __call__(self, group):
        if not self.left or group.attempt in self.spared:
            return
        root = group.run_dir / folder.CHECKPOINTS
        mid_save = self.random.random() < 0.5
        self._wait(group, lambda: stepping(group))
        target = min(stepping(group), default=0) + self.random.randrange(1, 14)
        self._wait(group, lambda: max(stepping(group), default=0) >= target)
        until = time.monotonic() + self.random.uniform(0.0, 0.2)
        self._wait(group, lambda: time.monotonic() >= until)
        if mid_save:
            self._wait(group, lambda: any(root.glob("tmp-*")))
        if group.over.is_set():
            return
        worker = 0 if mid_save else self.random.randrange(len(group.pids))
        group.signal(worker, signal.SIGKILL)
        self.left -= 1
        group.over.wait()
        torn = any(root.glob("tmp-*"))
        self.tally["while a checkpoint was written" if torn else "between checkpoints"] += 1

    def _wait(self, group, condition):
        while not group.over.is_set() and not condition():
            time.sleep(0.0005)


def beats(group):
    return read_heartbeats(group.run_dir, group.attempt)


def stepping(group):
    return [beat["step"] for beat in beats(group) if beat["phase"] != START]


@pytest.mark.parametrize("workers", [1, 2])
def test_twenty_random_kills_leave_no_trace_in_losses_and_tensors(
    shards, tmp_path, figures, workers
):
    with Processes(tmp_path / "calm") as group:
        group.rooms = [workers]
        whole = train(job_of(shards, tmp_path / "whole", workers, everything=True), group)
    killer = Killer(workers, KILLS)
    with Processes(tmp_path / "chaos") as group:
        group.rooms, group.disturb = [workers], killer
        job = job_of(shards, tmp_path / "killed", workers, attempts=KILLS, everything=True)
        killed = train(job, group)
    assert any("train/gradient_cosine" in line for line in read_metrics(whole / folder.METRICS))
    compared = same_bits(whole, killed)
    assert sum(killer.tally.values()) == KILLS and killer.tally["while a checkpoint was written"]
    steps = [line["step"] for line in read_metrics(killed / folder.METRICS) if "train/loss" in line]
    assert steps == [*range(1, STEPS + 1)]
    lost = sum(len(e["lost_steps"]) for e in read_attempts(killed) if e["event"] == "resume")
    figures(
        workers=workers,
        kills=json.dumps(killer.tally).strip("{}"),
        steps=STEPS,
        steps_done_twice=lost,
        figures_equal_bit_for_bit=compared,
    )


def test_every_sample_is_seen_once_an_epoch_over_two_one_and_two_workers_with_kills(
    shards, tmp_path, figures, monkeypatch
):
    monkeypatch.setattr(resize, "LOOK_S", 0.1)
    monkeypatch.setattr(resize, "SETTLE_S", 0.0)
    options = {"steps": 40, "min_workers": 1, "checkpoint_every": 2}
    job = job_of(shards, tmp_path / "run", 2, **options)
    scratch = tmp_path / "scratch"
    with Processes(scratch) as group:
        group.rooms, group.rooms_while = [2, 1, 1, 2], [2, 1, 2]
        group.disturb = Killer(5, 3, spared=[3])
        run_dir = train(job, group)
    events = read_attempts(run_dir)
    workers = [event["workers"] for event in events if event["event"] == "begin"]
    begins = [event["from_step"] for event in events if event["event"] == "resume"]
    committed, discarded = {}, 0
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], 40], strict=True), 1):
        for step, rows in ledger(scratch, number):
            if begin <= step < end:
                committed.setdefault(step, []).extend(rows)
            else:
                discarded += 1
    order = train_order(job, Corpus.load(job.data))
    epoch, epochs = order.steps_per_epoch, []
    for first in range(0, 40, epoch):
        epochs.append([row for step in range(first, first + epoch) for row in committed[step]])
        assert len(epochs[-1]) == len(set(epochs[-1])) == order.num_samples
    assert epochs[0] != epochs[1]
    figures(
        workers_of_attempts=str(workers),
        ended=str([event["kind"] for event in ends(run_dir)]),
        epochs=len(epochs),
        samples_of_an_epoch=order.num_samples,
        seen_twice_or_never=0,
        shares_of_steps_done_in_vain=discarded,
    )
    assert workers == [2, 1, 1, 2, 2]
    kinds = [event["kind"] for event in ends(run_dir)]
    assert kinds == ["killed", "killed", "resized", "killed", "finished"]


def ledger(scratch: Path, attempt):
    for path in scratch.glob(f"attempt-{attempt}.ledger-*"):
        for line in path.read_text().splitlines():
            yield json.loads(line)


@pytest.mark.parametrize("kind", ["stuck", "silent"])
def test_a_worker_that_hangs_is_found_ended_and_replaced(shards, tmp_path, figures, kind):
    fault = Fault(kind, worker=1, step=21, attempts=(1,))
    with Processes(tmp_path / "chaos", fault) as group:
        group.rooms = [2]
        began = {}

        def note(group):
            while not group.over.is_set():
                for beat in beats(group):
                    if (beat["worker"], beat["step"], beat["phase"]) == (1, 21, "step"):
                        began.setdefault(group.attempt, time.monotonic())
                time.sleep(0.01)
            began[f"end {group.attempt}"] = time.monotonic()

        group.disturb = note
        run_dir = train(job_of(shards, tmp_path / "hung", 2, steps=40), group)
    with Processes(tmp_path / "calm") as group:
        group.rooms = [2]
        whole = train(job_of(shards, tmp_path / "whole", 2, steps=40), group)
    same_bits(whole, run_dir)
    first = ends(run_dir)[0]
    found_s = began["end 1"] - began[1]
    limit_s = LIMITS.step_limit_s * (1 if kind == "stuck" else 2)
    figures(limit_s=limit_s, found_and_ended_s=found_s, said=first["error"])
    assert first["kind"] == "hang" and found_s < limit_s + 10
    if kind == "silent":
        assert "imed out" in first["error"]
    else:
        assert "worker 1 was stuck" in first["error"]
        stacks = (run_dir / "logs" / "attempt-1-worker-1.stacks").read_text()
        assert "wait_without_end" in stacks


def test_a_sample_that_kills_its_readers_ends_the_loop_and_is_named(shards, tmp_path, figures):
    job = job_of(shards, tmp_path / "run", 2)
    corpus = Corpus.load(job.data)
    row = int(train_order(job, corpus).draw(9).rows_G[2])
    with Processes(tmp_path / "chaos", Fault("deadly", row=row)) as group:
        group.rooms = [2]
        with pytest.raises(TrainingFailed) as failed:
            train(job, group)
    key = corpus.row(row, ["key"])["key"]
    run_dir = folder.run_folder(job.run)
    [event] = [event for event in read_attempts(run_dir) if event["event"] == "crash_loop"]
    figures(said=str(failed.value).replace("\n", ";"), suspects=len(event["samples"]))
    assert "signal 11" in str(failed.value)
    assert any(name.startswith(key) for name in event["samples"])
    assert len(event["samples"]) <= 6 and event["deaths"] == 3
