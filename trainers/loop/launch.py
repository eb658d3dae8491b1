"""The loop around groups of workers: it outlives dead ones, and fits their number to the machines.

It shrinks to what is left at once, grows only where a checkpoint is committed anyway, and gives up
when the same place kills the workers again and again.
"""

import logging
import threading
import time
from typing import Protocol

from configs.runs import TrainJob
from shards.paths import any_path
from trainers.loop import attempts
from trainers.loop.budget import Budget
from trainers.loop.checkpoint import VERIFIED
from trainers.loop.crashloop import crash_loop
from trainers.loop.deaths import GroupFailed, examine
from trainers.loop.heartbeat import read_heartbeats, remove_heartbeats
from trainers.loop.interrupts import Interrupts
from trainers.loop.prepare import Assignment, Preparation, begin_attempt, newest_step
from trainers.loop.resize import Room, Watch, wait_for_workers
from trainers.telemetry import figures
from trainers.telemetry.publish import publish

logger = logging.getLogger(__name__)

_POLL_S = 0.2


class TrainingFailed(RuntimeError):  # noqa: N818 - it names a state
    """The workers failed and going on would not help."""


class Group(Room, Protocol):
    """Runs workers: on Ray, or in a test as plain processes."""

    def fit(self, assignment: Assignment, workers: int) -> None:
        """Run the workers of an attempt to their end; raise GroupFailed where they fail."""
        ...


def train_attempts(preparation: Preparation, interrupts: Interrupts, group: Group) -> None:
    """Fit again from the newest checkpoint until the run is finished or asked to stop.

    Raises:
        TrainingFailed: If workers failed `training.attempts` times without a new checkpoint
            between, or once for a reason that would come again; or if there were not enough of
            them for `faults.wait_for_workers_s`.
    """
    job, run_dir = preparation.job, preparation.run_dir
    budget = Budget(job.training.attempts, job.faults.wait_for_workers_s, newest_step(run_dir))
    while workers := _workers(preparation, interrupts, group, budget.pause_s()):
        assignment = begin_attempt(preparation, workers)
        publish(figures.ATTEMPT, assignment.attempt)
        publish(figures.WORKERS, workers)
        publish(figures.WORKERS_WANTED, max(1, job.training.workers))
        remove_heartbeats(run_dir, assignment.attempt)
        interrupts.renew()
        watch, began_s = Watch(group, job.training, run_dir, workers), time.monotonic()
        error = _fit(group, assignment, workers, watch, interrupts)
        death = None if error is None else examine(run_dir, assignment.attempt, error)
        if death is not None:
            # A worker may have found damage where this process read none: it looks again.
            VERIFIED.forget()
        step = newest_step(run_dir)
        budget.note(step, death, began_s)
        kind = death.kind if death else _end_kind(step >= job.training.steps, interrupts, watch)
        reason = None if death is None else death.reason
        publish(figures.INTERRUPTIONS, kind not in ("finished", "stopped"), kind=kind)
        attempts.append_event(
            run_dir, assignment.attempt, "end", step=step, kind=kind, error=reason
        )
        if kind == "stopped" or step >= job.training.steps:
            return
        if death is None and kind == "early":
            raise TrainingFailed(f"training ended at step {step}: workers left without a reason")
        if interrupts.received and kind == "no_workers":
            return
        if death is not None and (death.fatal or interrupts.received):
            raise TrainingFailed(f"training ended at step {step}: {reason}")
        if budget.is_starved:
            raise TrainingFailed(_too_few(job))
        if budget.is_spent:
            raise TrainingFailed(crash_loop(preparation, assignment.attempt, step, budget.deaths))
        logger.warning("going on from step %d (%s): %s", step, kind, reason or "as asked")


def _workers(preparation: Preparation, interrupts: Interrupts, group: Group, pause_s: float) -> int:
    """Return how many workers begin the next attempt, 0 if asked to stop while waiting."""
    until = time.monotonic() + pause_s
    while time.monotonic() < until and not interrupts.received:
        time.sleep(_POLL_S)
    job = preparation.job
    workers = wait_for_workers(
        group,
        job,
        lambda: interrupts.received,
        after_failure=attempts.newest_attempt(preparation.run_dir) > 0,
    )
    if workers is None:
        raise TrainingFailed(_too_few(job))
    return workers


def _too_few(job: TrainJob) -> str:
    return (
        f"training needs {job.training.min_workers or job.training.workers} workers, and for "
        f"{job.faults.wait_for_workers_s:.0f} s (faults.wait_for_workers_s) there was no room "
        "for them; the same command goes on when there is"
    )


def _fit(
    group: Group, assignment: Assignment, workers: int, watch: Watch, interrupts: Interrupts
) -> GroupFailed | None:
    """Fit, leaving the main thread free to receive signals; return the error if there is one.

    In the main thread Ray would take over SIGINT and abort without a checkpoint. A group that
    waits for room, of which no worker has begun, is not waited for once the run shall stop.
    """
    errors: list[GroupFailed] = []
    run_dir = any_path(assignment.run_dir)

    def fit() -> None:
        try:
            group.fit(assignment, workers)
        except GroupFailed as error:
            errors.append(error)
        except Exception as error:
            logger.exception("the group of workers could not be run")
            errors.append(GroupFailed({0: error}))

    thread = threading.Thread(target=fit, name="fit", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL_S)
        watch.look()
        if interrupts.received and not read_heartbeats(run_dir, assignment.attempt):
            return GroupFailed({}, "asked to stop before a worker had begun")
    return errors[0] if errors else None


def _end_kind(finished: bool, interrupts: Interrupts, watch: Watch) -> str:
    """Say why workers ended that did not fail."""
    if finished:
        return "finished"
    if interrupts.received:
        return "stopped"
    return watch.asked or "early"


def describe(job: TrainJob) -> str:
    """Return how many workers run which virtual ranks."""
    training = job.training
    micro_batch = training.global_batch // training.virtual_ranks
    least = f"{training.min_workers} to " if training.min_workers else ""
    workers = f"{least}{training.workers} workers" if training.workers else "in this process"
    return f"{workers}, {training.virtual_ranks} virtual ranks of {micro_batch} clips"
