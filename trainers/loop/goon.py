"""The settings that a run goes on with: those that are given, where they may be."""

from collections.abc import Sequence

from configs.runs import TrainJob
from trainers.loop.checkpoint import Checkpoint
from trainers.loop.code import code_version
from trainers.loop.drift import changes, refuse_drift
from trainers.loop.schedule import learning_rate


def go_on(last: Checkpoint, job: TrainJob, samples: Sequence[str]) -> tuple[TrainJob, list[str]]:
    """Return the job with which a run goes on, and what differs but was overridden.

    Args:
        last: The checkpoint that it goes on from.
        job: The settings that are given.
        samples: What differs in what is trained on.

    Raises:
        ValueError: If settings, samples or code would bend the curve, or the run did not begin
            with the checkpoint that is asked for.
    """
    before = TrainJob.model_validate(last.job())
    branch = job.checkpoints.branch
    if branch and branch != before.checkpoints.branch:
        raise ValueError(
            f"--from must name a checkpoint for a new run, got {branch} for {job.run.name!r}, "
            f"which stands at step {last.step}; choose another run.name"
        )
    code = changes(last.manifest["code"], code_version())
    overridden = refuse_drift(before, job, last.step, samples, code)
    # Where it came from stays in its settings; leave to differ holds for one command.
    kept = {"branch": before.checkpoints.branch, "override": False}
    checkpoints = job.checkpoints.model_copy(update=kept)
    return job.model_copy(update={"checkpoints": checkpoints}), overridden


def describe_schedule(job: TrainJob, done: int) -> str:
    """Return how the learning rate goes on after `done` steps."""
    training = job.training
    next_rate, last_rate = (learning_rate(training, step) for step in (done, training.steps - 1))
    starts = [str(step) for step in training.restarts if step >= done]
    anew = f"; warm-up and cosine begin anew at {', '.join(starts)}" if starts else ""
    return (
        f"the run now has {training.steps} steps: after step {done} the learning rate goes on at "
        f"{next_rate:.3g}, and ends at {last_rate:.3g}{anew}"
    )
