import json
import logging

import pytest
import torch

from trainers.loop import folder
from trainers.loop.attempts import StaleAttempt, append_event
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.desk import Desk
from trainers.loop.heartbeat import Heartbeat, read_heartbeats
from trainers.loop.inhand import read_rows
from trainers.loop.manifests import list_checkpoints
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.mfu import WORK
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.skips import NonFiniteLoss
from trainers.loop.step import TrainStep
from trainers.loop.worker import Worker, train_worker

CPU = torch.device("cpu")


def figures(run_dir):
    return without_timings(read_metrics(run_dir / folder.METRICS))


def train(job):
    preparation = prepare(job)
    outcome = train_worker(begin_attempt(preparation, 1), 0, 1, CPU)
    return preparation.run_dir, outcome


def train_until(job, step):
    """Train and die, as a killed worker does, after the metrics of `step` are written."""
    preparation = prepare(job)
    heartbeat = Heartbeat(preparation.run_dir, 1, 0)
    desk = Desk(preparation.run_dir, 1, 0)
    worker = Worker(begin_attempt(preparation, 1), 0, 1, CPU, heartbeat, desk)
    write = worker.recorder.write

    def write_and_die(done, values):
        write(done, values)
        if done == step:
            raise KeyboardInterrupt

    worker.recorder.write = write_and_die
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    worker.close()
    return preparation.run_dir


def test_a_run_logs_each_step_once_and_keeps_the_newest_checkpoints(make_job):
    run_dir, outcome = train(make_job(steps=7, checkpoint_every=1))
    assert outcome == "finished"
    lines = read_metrics(run_dir / folder.METRICS)
    assert [line["step"] for line in lines if "train/loss" in line] == list(range(1, 8))
    assert [line["step"] for line in lines if "val/loss" in line] == [4, 7]
    kept = list_checkpoints(run_dir / folder.CHECKPOINTS)
    assert [path.name for path in kept] == [f"step-0000000{step}" for step in (5, 6, 7)]
    state = newest_checkpoint(run_dir / folder.CHECKPOINTS).load()
    assert state["step"] == 7


@pytest.mark.parametrize(("died_at", "everything"), [(1, True), (4, False), (5, True)])
def test_a_run_that_died_goes_on_bit_for_bit(make_job, tmp_path, died_at, everything):
    whole, _ = train(make_job(root=tmp_path / "whole", everything=everything))
    job = make_job(root=tmp_path / "died", everything=everything)
    train_until(job, died_at)
    resumed, _ = train(job)
    assert figures(resumed) == figures(whole)
    states = [newest_checkpoint(run / folder.CHECKPOINTS).load() for run in (whole, resumed)]
    for name, tensor in states[0]["model"].items():
        assert torch.equal(tensor, states[1]["model"][name]), name
    lost = [event["lost_steps"] for event in read_events(resumed) if event["event"] == "resume"]
    committed = (died_at - 1) // 2 * 2
    assert lost == [[], [*range(committed + 1, died_at + 1)]]


def read_events(run_dir):
    return [json.loads(line) for line in (run_dir / "attempts.jsonl").read_text().splitlines()]


def test_the_objectives_are_in_the_log_and_their_weighted_sum_is_the_loss(make_job):
    run_dir, _ = train(make_job(cyclic=0.5))
    line = read_metrics(run_dir / folder.METRICS)[0]
    total = line["train/mil_nce"] + 0.5 * line["train/cyclic"]
    assert line["train/loss"] == pytest.approx(total, rel=1e-6)
    assert line["train/grad_norm"] > 0


def test_directions_and_weights_that_change_are_in_the_log(make_job):
    run_dir, _ = train(make_job(everything=True))
    lines = [line for line in read_metrics(run_dir / folder.METRICS) if "train/loss" in line]
    directions = ["video_to_words", "words_to_video", "audio_to_words", "video_to_audio"]
    for line in lines:
        weight, other = line["train/weight_mil_nce"], line["train/weight_cyclic"]
        total = weight * line["train/mil_nce"] + other * line["train/cyclic"]
        assert line["train/loss"] == pytest.approx(total, rel=1e-6)
        mean = sum(line[f"train/cyclic_{name}"] for name in directions) / 4
        assert line["train/cyclic"] == pytest.approx(mean, rel=1e-6)
    assert [line["train/weight_mil_nce"] for line in lines][::5] == pytest.approx([1.0, 7 / 12])
    cyclic = [line["train/weight_cyclic"] for line in lines]
    assert cyclic == pytest.approx([0.05, 0.05, 0.115901, 0.275, 0.434099, 0.5], abs=1e-6)
    assert [line["step"] for line in lines if "train/gradient_cosine" in line] == [3, 6]
    (held_out,) = [line for line in read_metrics(run_dir / folder.METRICS) if "val/loss" in line][
        :1
    ]
    errors = [held_out[f"val/cyclic_relative_error_{name}"] for name in directions]
    assert held_out["val/cyclic_relative_error"] == pytest.approx(sum(errors) / 4)
    total = held_out["val/mil_nce"] + 0.5 * held_out["val/cyclic"]
    assert held_out["val/loss"] == pytest.approx(total)


def test_without_the_cyclic_objective_there_is_no_translator(make_job):
    run_dir, _ = train(make_job(cyclic=0.0))
    lines = read_metrics(run_dir / folder.METRICS)
    assert not any("cyclic" in key for line in lines for key in line)
    state = newest_checkpoint(run_dir / folder.CHECKPOINTS).load()
    assert not any(name.startswith("translator") for name in state["model"])


def test_a_stop_file_gives_a_checkpoint_within_a_step(make_job):
    job = make_job(checkpoint_every=100)
    assignment = begin_attempt(prepare(job), 1)
    run_dir = folder.run_folder(job.run)
    (run_dir / folder.STOP).touch()
    assert train_worker(assignment, 0, 1, CPU) == "stopped"
    assert newest_checkpoint(run_dir / folder.CHECKPOINTS).step == 1
    run_dir, outcome = train(job)
    assert outcome == "finished"
    assert [line["step"] for line in figures(run_dir) if "train/loss" in line] == [*range(1, 7)]


def test_a_grow_file_ends_the_run_only_where_a_checkpoint_is_due(make_job):
    job = make_job(checkpoint_every=3)
    assignment = begin_attempt(prepare(job), 1)
    run_dir = folder.run_folder(job.run)
    (run_dir / folder.GROW).touch()
    assert train_worker(assignment, 0, 1, CPU) == "stopped"
    assert newest_checkpoint(run_dir / folder.CHECKPOINTS).step == 3
    train(job)
    assert not (run_dir / folder.GROW).exists()
    assert [line["step"] for line in figures(run_dir) if "train/loss" in line] == [*range(1, 7)]


def test_a_worker_beats_in_every_phase_and_has_the_samples_of_its_step_in_hand(
    make_job, monkeypatch
):
    beats, beat = [], Heartbeat.beat

    def noted(self, step, phase):
        beat(self, step, phase)
        beats.append((step, phase))

    monkeypatch.setattr(Heartbeat, "beat", noted)
    run_dir, _ = train(make_job(steps=4, validate_every=4))
    phases = dict.fromkeys(beats)
    steps = [(step, phase) for step in range(2) for phase in ("data", "step")]
    assert list(phases)[:6] == [(0, "start"), *steps, (2, "checkpoint")]
    assert list(phases)[-2:] == [(4, "validate"), (4, "checkpoint")]
    [last] = read_heartbeats(run_dir, 1)
    assert (last["step"], last["phase"]) == (4, "checkpoint")
    assert len(read_rows(run_dir, 1, 0)) == 6


def test_a_stale_attempt_writes_neither_metrics_nor_checkpoints(make_job):
    assignment = begin_attempt(prepare(make_job()), 1)
    run_dir = folder.run_folder(assignment.job.run)
    append_event(run_dir, assignment.attempt + 1, "begin")
    with pytest.raises(StaleAttempt, match="attempt 2"):
        train_worker(assignment, 0, 1, CPU)
    assert not read_metrics(run_dir / folder.METRICS)
    assert not list_checkpoints(run_dir / folder.CHECKPOINTS)


def test_skipped_steps_in_a_row_are_counted_across_attempts(make_job, monkeypatch):
    def bad(self, loss, grad_norm):
        return "loss nan" if self.optimizer.state and bad_from_now else ""

    job = make_job(max_skipped=2, checkpoint_every=2)
    bad_from_now = True
    monkeypatch.setattr(TrainStep, "_not_finite", bad)
    # Step 1 is done, 2 and 3 are skipped; the checkpoint of step 2 knows of one of them.
    run_dir = train_until(job, 3)
    assert newest_checkpoint(run_dir / folder.CHECKPOINTS).load()["skipped_in_a_row"] == 1
    with pytest.raises(NonFiniteLoss, match="step 4: .*step 3 in a row"):
        train(job)
    lines = read_metrics(run_dir / folder.METRICS)
    assert [line["step"] for line in lines if "train/skipped" in line] == [2, 3]
    skipped = [event["step"] for event in read_events(run_dir) if event["event"] == "skipped"]
    assert skipped == [2, 3, 3]


def test_a_run_says_how_well_it_uses_the_machine_and_is_profiled_where_asked(make_job):
    job = make_job(profile_steps=1, steps=5)
    run_dir = folder.run_folder(job.run)
    run_dir.mkdir(parents=True)
    (run_dir / WORK).write_text('{"flops_per_clip": 1000000}')
    train(job)
    lines = [line for line in read_metrics(run_dir / folder.METRICS) if "train/loss" in line]
    assert all(0 < line["train/mfu"] < 1 for line in lines)
    assert (run_dir / "profiles" / "attempt-1-worker-0.json").exists()


def test_an_empty_val_split_is_said_once_and_skipped(make_job, make_shards, caplog):
    shards = make_shards(num_train=6, num_val=0)
    with caplog.at_level(logging.INFO):
        run_dir, _ = train(make_job(shards=shards, validate_every=1))
    assert sum("val split is empty" in record.message for record in caplog.records) == 1
    assert not any("val/loss" in line for line in read_metrics(run_dir / folder.METRICS))
