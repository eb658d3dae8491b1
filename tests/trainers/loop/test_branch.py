import shutil

import pytest
import torch

from configs.checkpoints import CheckpointsConfig
from configs.runs import RunConfig
from trainers.loop import folder
from trainers.loop.checkpoint import newest_checkpoint, verify_checkpoint
from trainers.loop.metrics import read_metrics, without_timings
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.run import load_run
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


def state_of(run_dir, step):
    path = run_dir / folder.CHECKPOINTS / f"step-{step:08d}"
    return verify_checkpoint(path).load()


def test_a_branch_may_add_the_cyclic_objective_to_a_run_without_one(make_job):
    """Shared weights and moments are kept, the translator is fresh, and its targets measured."""
    alone = train(make_job(cyclic=0.0, steps=4))
    job = branch_of(make_job(steps=4), "both", "tiny@4")
    both = train(job)
    # No step was left: what was begun with is what is loaded.
    begun, source = state_of(both, 4)["model"], state_of(alone, 4)["model"]
    assert all(torch.equal(begun[name], tensor) for name, tensor in source.items())

    job = branch_of(make_job(steps=6, lr=1e-3, checkpoint_every=1), "longer", "tiny@4")
    longer = train(job)
    state = state_of(longer, 5)
    for name, tensor in source.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            # Moments go on, so that no weight moves further than a few rates.
            assert (state["model"][name] - tensor).abs().max() <= 4e-3, name
    steps = {float(each["step"]) for each in state["optimizer"]["state"].values()}
    assert steps == {1.0, 5.0}
    # The targets are measured on the towers as they were at step 4.
    mean = state["model"]["translator.standardise.video.mean"]
    assert mean.abs().max() > 0
    fresh = train(make_job(root=longer.parent / "fresh", steps=1))
    assert not torch.equal(mean, state_of(fresh, 1)["model"]["translator.standardise.video.mean"])
    lines = read_metrics(longer / folder.METRICS)
    assert [line["step"] for line in lines if "train/cyclic" in line] == [5, 6]


def test_a_branch_with_a_new_objective_resumes_to_the_same_curve(make_job):
    train(make_job(cyclic=0.0, steps=2))
    curves = []
    for name, killed in (("whole", False), ("killed", True)):
        job = branch_of(make_job(steps=6, checkpoint_every=2), name, "tiny@2")
        run_dir = train(job)
        if killed:
            # As if it had died before its first own checkpoint, and again after one.
            for lost in ((4, 6), (6,)):
                for step in lost:
                    shutil.rmtree(run_dir / folder.CHECKPOINTS / f"step-{step:08d}")
                train(job)
        curves.append(without_timings(read_metrics(run_dir / folder.METRICS)))
    strip = [[{k: v for k, v in line.items() if k != "attempt"} for line in c] for c in curves]
    assert strip[0] == strip[1]


def test_a_branch_can_be_looked_at_before_its_new_objective_has_weights(make_job):
    train(make_job(cyclic=0.0, steps=2))
    job = branch_of(make_job(steps=6), "other", "tiny@2")
    job, model, _, step = load_run(prepare(job).run_dir)
    assert step == 2 and job.objectives.cyclic.weight > 0
    assert model.translator is None
