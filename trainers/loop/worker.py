"""What one worker does from a checkpoint to the end: load, step, log, validate, commit.

It knows nothing of Ray; a test runs it in a plain process.
"""

import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal

import torch

from shards.paths import any_path
from trainers.loop.agreement import refuse_different_weights
from trainers.loop.assemble import assemble
from trainers.loop.attempts import Fence
from trainers.loop.checkpointer import Checkpointer, is_due
from trainers.loop.desk import Desk
from trainers.loop.heartbeat import Heartbeat
from trainers.loop.limits import phase_limits, shorten_collectives
from trainers.loop.mfu import Utilisation
from trainers.loop.prepare import Assignment
from trainers.loop.profiling import Profiler
from trainers.loop.record import Recorder
from trainers.loop.signs import Signs
from trainers.loop.step import StepResult
from trainers.loop.timing import Phase, StepClock
from trainers.loop.watchdog import watched
from trainers.loop.workertimes import WorkerTimes
from trainers.telemetry import figures
from trainers.telemetry.publish import publish

logger = logging.getLogger(__name__)


def train_worker(
    assignment: Assignment, worker: int, workers: int, device: torch.device, node: str = ""
) -> Literal["finished", "stopped"]:
    """Train from the assignment's checkpoint to the last step, or until asked to stop.

    Args:
        assignment: What all workers of the attempt are told.
        worker: Number of this one.
        workers: How many there are.
        device: Where it computes.
        node: Ray's id of the machine, where there is one.

    Raises:
        ValueError: If shards, tokenizer or checkpoint are not those of the assignment.
        DamagedSample: If a clip cannot be read.
        NonFiniteLoss: If loss or gradient stops being finite.
        StaleAttempt: If a newer attempt has taken over the run.
    """
    logger.info("worker %d of %d begins on %s, pid %d", worker, workers, device, os.getpid())
    # The number of threads decides how sums are split, so it is part of the result.
    torch.set_num_threads(assignment.job.training.torch_threads)
    run_dir, limits = any_path(assignment.run_dir), phase_limits(assignment.job)
    with (
        closing(Desk(run_dir, assignment.attempt, worker)) as desk,
        watched(desk, limits, node) as heartbeat,
        closing(Worker(assignment, worker, workers, device, heartbeat, desk)) as training,
    ):
        return training.run()


class Worker:
    """The loop of one worker over its parts, and its logs."""

    def __init__(
        self,
        assignment: Assignment,
        worker: int,
        workers: int,
        device: torch.device,
        heartbeat: Heartbeat,
        desk: Desk,
    ) -> None:
        self.heartbeat = heartbeat
        self.job, self.assignment, self.device = assignment.job, assignment, device
        self.run_dir = any_path(assignment.run_dir)
        self.parts = assemble(assignment, worker, workers, device, heartbeat.in_hand)
        self.fence = Fence(self.run_dir, assignment.attempt)
        begin = self.parts.begin
        self.recorder = Recorder(self.job, desk, self.fence, begin) if worker == 0 else None
        self.checkpointer = Checkpointer(
            self.run_dir, self.job, assignment.attempt, self.fence.check
        )
        training = self.job.training
        self.utilisation = Utilisation(self.job, self.run_dir, workers, device)
        self.profiler = Profiler(training.profile_steps, desk.folder, assignment.attempt, worker)
        self.signs = Signs(self.run_dir, self.job.training.checkpoint_every)
        self.clock = StepClock(training.global_batch)
        self.times = WorkerTimes(self.job.tracking, training.virtual_ranks, worker, workers, device)

    def close(self) -> None:
        """End the threads and close the logs."""
        self.signs.close()
        self.profiler.close()
        self.checkpointer.close()
        self.parts.loader.close()
        if self.recorder is not None:
            self.recorder.close()

    def run(self) -> Literal["finished", "stopped"]:
        """Do the steps that are left."""
        training, train_step = self.job.training, self.parts.step
        steps = range(self.parts.begin, training.steps)
        batches = self.parts.loader.batches(
            iter(itertools.product(steps, train_step.ranks)), training.virtual_ranks
        )
        for step in steps:
            with self._phase(step, "data"):
                read = [next(batches) for _ in train_step.ranks]
                rows = [row for batch in read for row in batch.rows_B.tolist()]
                self.heartbeat.in_hand.stepping(rows)
                own = [batch.to(self.device) for batch in read]
            with self._phase(step, "step"):
                result = train_step.run(step, own, stop=self.signs.ask_to_end(step + 1))
            self.parts.loader.end_step(step, result.replaced)
            done = step + 1
            self.profiler.step()
            if step == self.parts.begin:
                shorten_collectives(self.job.faults)
            last = result.stop or done == training.steps
            self._log(done, result, last=last)
            if done % training.validate_every == 0 or done == training.steps:
                self._validate(done)
            due = last or is_due(self.job, done) or self.parts.best.step == done
            if due or done % training.compare_weights_every == 0:
                refuse_different_weights(self.parts.model, done)
            if due:
                with self._phase(done, "checkpoint"):
                    self._commit(done, last=last)
            if result.stop and done < training.steps:
                return "stopped"
        return "finished"

    @contextmanager
    def _phase(self, done: int, name: Phase) -> Iterator[None]:
        """Beat, and count the time inside to a phase that follows `done` finished steps."""
        self.heartbeat.beat(done, name)
        with self.clock.phase(name):
            yield

    def _log(self, done: int, result: StepResult, *, last: bool) -> None:
        self.checkpointer.check()
        timings = self.clock.figures()
        publish(figures.WORKER_STEP, done)
        waited_s = timings.get("time/wait_s", 0.0)
        publish(figures.WORKER_OWN_SECONDS, max(0.0, timings["train/step_s"] - waited_s))
        exchange = self.times.exchange(done, self.clock, last=last)
        if self.recorder is None:
            return
        values = result.figures | timings
        values |= self.utilisation.figures(timings["train/step_s"])
        if result.skipped:
            self.recorder.write_skip(done, result.skipped, result.rows)
        if exchange is not None:
            values |= exchange.figures
            self.recorder.write_workers(done, exchange)
        self.recorder.write(done, values)

    def _validate(self, done: int) -> None:
        def beat() -> None:
            self.heartbeat.beat(done, "validate")

        with self._phase(done, "validate"):
            values = self.parts.validation.run(self.device, beat)
        self.parts.best.see(done, values)
        if self.recorder is not None and values:
            self.recorder.write(done, values)

    def _commit(self, done: int, *, last: bool) -> None:
        """Begin a checkpoint; the first worker does, since the state is equal on all."""
        if self.recorder is None:
            return
        # The log goes first: no checkpoint may be newer than the log of its steps.
        self.recorder.sync()
        state: dict[str, Any] = {
            "model": self.parts.model.state_dict(),
            "optimizer": self.parts.step.optimizer.state_dict(),
            "step": done,
            "skipped_in_a_row": self.parts.step.skips.in_a_row,
            "damaged": self.parts.loader.damage.counted,
            "best": self.parts.best.state(),
            "manifest_sha256": self.assignment.manifest_sha256,
            "tokenizer_sha256": self.assignment.tokenizer_sha256,
        }
        self.checkpointer.save(done, state, wait=last)
