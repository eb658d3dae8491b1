import math

import pytest
import torch

from configs.checkpoints import CheckpointsConfig
from configs.runs import RunConfig
from trainers.loop import folder
from trainers.loop.best import Best, find_checkpoint
from trainers.loop.manifests import list_checkpoints, step_of
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.validate import Validation
from trainers.loop.worker import train_worker

FIGURES = {1: 5.0, 2: math.nan, 3: 1.0, 4: 2.0, 5: 1.0, 6: 3.0}
"""What validation finds after each step."""


def train(job, monkeypatch):
    """Train with figures of validation that are given."""
    preparation = prepare(job)
    assignment = begin_attempt(preparation, 1)
    steps = iter(range(newest_step(preparation.run_dir) + 1, 7))
    monkeypatch.setattr(Validation, "run", lambda *_: {"val/loss": FIGURES[next(steps)]})
    train_worker(assignment, 0, 1, torch.device("cpu"))
    return preparation.run_dir


def with_best(job, figure="val/loss", **checkpoints):
    checkpoints = CheckpointsConfig(best=figure, **checkpoints)
    return job.model_copy(update={"checkpoints": checkpoints})


def kept(run_dir):
    return [step_of(path) for path in list_checkpoints(run_dir / folder.CHECKPOINTS)]


def test_the_first_of_the_lowest_values_is_the_best_and_no_number_never_is():
    best = Best("val/loss")
    assert best.state() is None
    for step, value in FIGURES.items():
        best.see(step, {"val/loss": value, "val/mil_nce": -value})
    assert best.state() == {"figure": "val/loss", "value": 1.0, "step": 3}
    best.see(7, {})
    assert Best("val/loss", best.state()).step == 3
    assert Best("val/mil_nce", best.state()).step == Best("", best.state()).step == 0


def test_the_best_is_written_though_none_is_due_and_stays(make_job, monkeypatch):
    job = make_job(validate_every=1, checkpoint_every=100, keep_checkpoints=2)
    run_dir = train(with_best(job), monkeypatch)
    # 1 was the best of its time: it went when a better one and the last one were there.
    assert kept(run_dir) == [3, 6]
    assert find_checkpoint(run_dir / folder.CHECKPOINTS, "best").name == "step-00000003"


def test_the_best_outlives_those_that_come_after_it_over_attempts(make_job, monkeypatch):
    every = {"validate_every": 1, "checkpoint_every": 1, "keep_checkpoints": 2}
    job = with_best(make_job(**every))
    assignment = begin_attempt(prepare(job), 1)
    monkeypatch.setattr(Validation, "run", lambda *_: {"val/loss": 1.0})
    (folder.run_folder(job.run) / folder.STOP).touch()
    train_worker(assignment, 0, 1, torch.device("cpu"))
    run_dir = train(job, monkeypatch)
    # 3 and 5 are as low as 1 was, and not lower.
    assert kept(run_dir) == [1, 5, 6]
    assert find_checkpoint(run_dir / folder.CHECKPOINTS, "best").name == "step-00000001"


def test_a_branch_may_begin_at_the_best_and_has_none_of_its_own_yet(make_job, monkeypatch):
    job = make_job(validate_every=1, checkpoint_every=100, keep_checkpoints=2)
    train(with_best(job), monkeypatch)
    other = with_best(job, branch="tiny@best").model_copy(
        update={"run": RunConfig(name="other", root=job.run.root)}
    )
    run_dir = train(other, monkeypatch)
    # Of its own steps the fifth is the lowest, though the other run had the same value before.
    assert find_checkpoint(run_dir / folder.CHECKPOINTS, "best").name == "step-00000005"
    assert min(line["step"] for line in read_metrics(run_dir / folder.METRICS)) == 4


def test_checkpoints_that_are_not_there_are_refused_with_those_that_are(make_job, monkeypatch):
    job = make_job(validate_every=100)
    root = train(job, monkeypatch) / folder.CHECKPOINTS
    assert find_checkpoint(root, "4").name == "step-00000004"
    with pytest.raises(ValueError, match="3 must be a checkpoint in .*; there are 2, 4, 6"):
        find_checkpoint(root, "3")
    with pytest.raises(ValueError, match=r"got none; checkpoints\.best names"):
        find_checkpoint(root, "best")


def test_a_best_without_clips_to_validate_on_is_refused(make_job, make_shards):
    job = make_job(shards=make_shards(num_val=0))
    with pytest.raises(ValueError, match=r"checkpoints\.best must be empty"):
        prepare(with_best(job))


def test_a_figure_that_is_not_measured_is_refused(make_job):
    job = make_job(cyclic=0.0).model_dump() | {"checkpoints": {"best": "val/cyclic"}}
    with pytest.raises(ValueError, match=r"got val/cyclic where objectives\.cyclic\.weight is 0"):
        type(make_job()).model_validate(job)
