from pathlib import Path

import pytest
import torch

from configs.checkpoints import CheckpointsConfig
from configs.runs import RunConfig
from trainers.loop.outlook import look_ahead
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.worker import train_worker


@pytest.fixture
def make_run(make_job):
    """Train a run of two steps; then give its settings, some of them changed."""
    train_worker(begin_attempt(prepare(make_job(steps=2)), 1), 0, 1, torch.device("cpu"))
    return make_job


def contents(root):
    return {path: path.stat().st_mtime_ns for path in Path(root).rglob("*")}


def test_looking_touches_nothing_and_says_where_a_run_stands(make_run):
    job = make_run(steps=2)
    before = contents(job.run.root)
    outlook = look_ahead(job)
    assert (outlook.begin, outlook.overridden, outlook.schedule) == (2, (), "")
    new = look_ahead(job.model_copy(update={"run": RunConfig(name="new", root=job.run.root)}))
    assert (new.begin, new.last, new.source) == (0, None, None)
    assert contents(job.run.root) == before


def test_drift_is_refused_or_told_and_a_longer_schedule_is_told(make_run, make_shards):
    with pytest.raises(ValueError, match=r"training\.lr: 0\.003 -> 0\.5"):
        look_ahead(make_run(steps=2, lr=0.5))
    leave = CheckpointsConfig(override=True)
    changed = make_run(steps=2, lr=0.5, shards=make_shards(seed=1))
    lines = look_ahead(changed.model_copy(update={"checkpoints": leave})).overridden
    assert [line.partition(":")[0] for line in lines] == ["training.lr", "manifest"]
    longer = look_ahead(make_run(steps=6, restarts=(2,)))
    assert longer.schedule.startswith("the run now has 6 steps") and longer.begin == 2


def test_another_tokenizer_is_refused(make_run):
    job = make_run(steps=2)
    Path(job.run.root, "tiny", "tokenizer.model").unlink()
    with pytest.raises(ValueError, match="must be the tokenizer that the run was begun with"):
        look_ahead(job)


def test_a_branch_stands_where_it_will_begin_and_what_is_not_there_is_refused(make_run):
    job = make_run(steps=4)
    run = RunConfig(name="other", root=job.run.root)
    branch = {"run": run, "checkpoints": CheckpointsConfig(branch="tiny@2")}
    assert look_ahead(job.model_copy(update=branch)).begin == 2
    branch["checkpoints"] = CheckpointsConfig(branch="tiny@7")
    with pytest.raises(ValueError, match="got tiny@7; there are steps 2"):
        look_ahead(job.model_copy(update=branch))
    weights = job.model.model_copy(update={"weights": "nowhere"})
    with pytest.raises(ValueError, match=r"model\.weights must be a folder that holds"):
        look_ahead(job.model_copy(update={"run": run, "model": weights}))
    assert not Path(job.run.root, "other").exists()
