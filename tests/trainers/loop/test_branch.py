import pytest
import torch

from configs.checkpoints import CheckpointsConfig
from configs.runs import RunConfig
from trainers.loop import folder
from trainers.loop.checkpoint import newest_checkpoint, verify_checkpoint
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.worker import train_worker


def train(job):
    train_worker(begin_attempt(prepare(job), 1), 0, 1, torch.device("cpu"))
    return folder.run_folder(job.run)


def branch_of(job, name, place):
    run = RunConfig(name=name, root=job.run.root)
    checkpoints = CheckpointsConfig(branch=place)
    return job.model_copy(update={"run": run, "checkpoints": checkpoints})


def test_a_branch_with_the_same_settings_is_the_same_curve(make_job):
    job = make_job()
    whole = train(job)
    branch = train(branch_of(job, "other", "tiny@4"))
    lines = [without_timings(read_metrics(run / folder.METRICS)) for run in (whole, branch)]
    assert [line["step"] for line in lines[1] if "train/loss" in line] == [5, 6]
    assert lines[1] == [line for line in lines[0] if line["step"] > 4]
    states = [
        newest_checkpoint(run / folder.CHECKPOINTS).load()["model"] for run in (whole, branch)
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_branch_has_settings_and_samples_of_its_own_and_leaves_the_run_as_it_was(
    make_job, make_shards
):
    whole = train(make_job(steps=4))
    now = branch_of(make_job(steps=6, lr=0.1, shards=make_shards(seed=1)), "other", "tiny@2")
    branch = train(now)
    begun = verify_checkpoint(branch / folder.CHECKPOINTS / "step-00000002")
    assert begun.manifest["branch"] == "tiny@2" and begun.job()["training"]["lr"] == 0.1
    assert (newest_step(whole), newest_step(branch)) == (4, 6)
    # The same command goes on, with `--from` and without it.
    prepare(now)
    plain = now.model_copy(update={"checkpoints": CheckpointsConfig()})
    assert prepare(plain).job.checkpoints.branch == "tiny@2"
    with pytest.raises(ValueError, match="must name a checkpoint for a new run, got tiny@4"):
        prepare(branch_of(now, "other", "tiny@4"))


def test_a_branch_needs_a_whole_checkpoint_that_exists_and_the_model_that_it_holds(make_job):
    job = make_job()
    run_dir = train(job)
    with pytest.raises(ValueError, match="got tiny@3; there are steps 2, 4, 6"):
        prepare(branch_of(job, "other", "tiny@3"))
    with pytest.raises(ValueError, match="none in .*nothing"):
        prepare(branch_of(job, "other", "nothing@3"))
    with pytest.raises(ValueError, match=r"other shapes\n  translator.*-> none"):
        prepare(branch_of(make_job(cyclic=0.0), "other", "tiny@2"))
    path = run_dir / folder.CHECKPOINTS / "step-00000002" / "state.pt"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="must have .* bytes"):
        prepare(branch_of(job, "other", "tiny@2"))
    assert not folder.run_folder(RunConfig(name="other", root=job.run.root)).exists()
