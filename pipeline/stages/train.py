"""`weakvid train`: shards -> a trained run, or the rest of one."""

from collections.abc import Sequence
from signal import SIGTERM

from configs.runs import TrainJob
from trainers.evaluation.beside import watch
from trainers.loop import folder
from trainers.loop.attempts import driver_lock
from trainers.loop.desk import clear_desk
from trainers.loop.estimate import describe_estimate, estimate
from trainers.loop.group import RayGroup, start_ray, stop_ray
from trainers.loop.interrupts import EXIT_CODES, Interrupts
from trainers.loop.launch import describe, train_attempts
from trainers.loop.local import LocalGroup
from trainers.loop.mfu import write_work
from trainers.loop.outlook import Outlook, look_ahead
from trainers.loop.prepare import Preparation, newest_step, prepare
from trainers.loop.progress import Progress
from trainers.tracking.build import refuse_missing_extras


def run(job: TrainJob) -> int:
    """Train, or go on training, and return the exit code.

    Returns:
        0 when the run is finished, 143 after SIGTERM and 130 after Ctrl-C, each with a
        checkpoint of the last step.

    Raises:
        ValueError: If the shards cannot serve the job, the run was begun with other settings,
            or another driver trains it.
        TrainingFailed: If the workers failed for good.
    """
    # Before anything is written: a mistyped folder must not leave an empty run.
    refuse_missing_extras(job.tracking)
    run_dir = look_ahead(job).run_dir
    run_dir.mkdir(parents=True, exist_ok=True)
    with driver_lock(run_dir), Interrupts(run_dir / folder.STOP) as interrupts:
        preparation = prepare(job)
        steps, done = job.training.steps, newest_step(run_dir)
        if done >= steps:
            print(f"run {job.run.name} is finished: all {steps} steps are done, in {run_dir}")
            return 0
        # In no thread: it lets torch import much, and so do Ray and a worker in this process.
        write_work(run_dir, job)
        if not job.training.workers:
            with Progress(run_dir / folder.METRICS, steps, done):
                train_attempts(preparation, interrupts, LocalGroup())
        elif not _train_on_ray(preparation, interrupts, done):
            print(f"run {job.run.name} stopped at step {done} of {steps}: Ray had not started")
            return EXIT_CODES[SIGTERM]
        done = newest_step(run_dir)
        clear_desk(run_dir)
    if done < steps:
        print(f"run {job.run.name} stopped at step {done} of {steps}; the same command goes on")
        return interrupts.exit_code
    print(f"run {job.run.name} is finished: all {steps} steps are done, in {run_dir}")
    return 0


def _train_on_ray(preparation: Preparation, interrupts: Interrupts, done: int) -> bool:
    """Start Ray and train; return False if SIGTERM came before it had started."""
    job, run_dir = preparation.job, preparation.run_dir
    try:
        start_ray(job.ray, job.training.workers)
        interrupts.install()
        measuring = watch(job, run_dir, lambda: interrupts.received)
        with Progress(run_dir / folder.METRICS, job.training.steps, done), measuring:
            train_attempts(preparation, interrupts, RayGroup(job))
    except SystemExit:
        # While Ray starts, SIGTERM is its own, and this is what it makes of it.
        return False
    finally:
        stop_ray()
    return True


def _mixture(job: TrainJob, quotas: Sequence[int]) -> list[str]:
    """Return a line on the parts of a batch, none where all of it is of one folder."""
    parts = zip(quotas, job.data.folders(), strict=True)
    return [f"mixture    {', '.join(f'{n} of {out}' for n, out in parts)}"] if job.data.mix else []


def _past(outlook: Outlook) -> list[str]:
    """Return lines on what the run does otherwise than it began, none where all is as it was."""
    lines = [f"schedule   {outlook.schedule}"] if outlook.schedule else []
    return lines + [f"override   {line}" for line in outlook.overridden]


def plan_text(job: TrainJob) -> str:
    """Return what `run` would do; touches nothing.

    Raises:
        ValueError: If `run` would refuse the job.
    """
    outlook = look_ahead(job)
    corpus, order, begin, training = outlook.corpus, outlook.order, outlook.begin, job.training
    counts = ", ".join(f"{len(corpus.rows_of_split(name))} {name}" for name in ("val", "test"))
    epochs = training.steps / order.steps_per_epoch
    return "\n".join(
        [
            f"run        {outlook.run_dir}",
            f"samples    {order.num_samples} train, {counts}",
            f"epoch      {order.steps_per_epoch} steps of {training.global_batch} clips",
            *_mixture(job, order.quotas),
            f"steps      {begin} done, {max(0, training.steps - begin)} to do, {epochs:.1f} epochs",
            *_past(outlook),
            f"workers    {describe(job)}",
            *describe_estimate(estimate(job)),
        ]
    )
