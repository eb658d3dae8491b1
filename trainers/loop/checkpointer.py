"""Checkpoints of an attempt: copied while training waits, written by a thread while it goes on.

One write at most is under way. A write that failed is raised at the next call, so that no training
goes on for long without a checkpoint and without a word.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from configs.runs import TrainJob
from shards.paths import AnyPath
from trainers.loop import folder
from trainers.loop.checkpoint import prune_checkpoints, save_checkpoint
from trainers.loop.staging import Staging
from trainers.telemetry.figures import CHECKPOINT_STEP
from trainers.telemetry.publish import publish

logger = logging.getLogger(__name__)


class Checkpointer:
    """Writes the checkpoints of one attempt and removes those that are too many."""

    def __init__(
        self, run_dir: AnyPath, job: TrainJob, attempt: int, may_commit: Callable[[], None]
    ) -> None:
        """Prepare; nothing is written yet.

        Args:
            run_dir: Folder of the run.
            job: Its settings, which every checkpoint holds.
            attempt: Number of the attempt that writes.
            may_commit: Raises when another attempt has taken over. The thread calls it.
        """
        self._root, self._job, self._attempt = run_dir / folder.CHECKPOINTS, job, attempt
        self._may_commit = may_commit
        self._staging = Staging()
        self._writer: threading.Thread | None = None
        self._failure: Exception | None = None

    def save(self, done: int, state: dict[str, Any], *, wait: bool) -> None:
        """Copy the state and begin to write it; with `wait`, return when it is committed.

        Waits for a write that is still under way.

        Args:
            done: Finished steps.
            state: As `save_checkpoint` takes it. Training may change it after the call.
            wait: Whether nothing follows that the write could go on beside.

        Raises:
            StaleAttempt: If a newer attempt has taken over the run.
            OSError: If this write, waited for, or the one before could not be done.
        """
        self._join()
        self.check()
        staged = state if wait else self._staging.copy(state)
        self._writer = threading.Thread(
            target=self._write, args=(done, staged), name="checkpoint", daemon=False
        )
        self._writer.start()
        if wait:
            self._join()
            self.check()

    def check(self) -> None:
        """Raise what an earlier write failed with; waits for nothing."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def close(self) -> None:
        """Wait for the write that is under way; what it fails with goes into the log."""
        self._join()
        if self._failure is not None:
            logger.error("the last checkpoint could not be written: %s", self._failure)

    def _join(self) -> None:
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def _write(self, done: int, state: dict[str, Any]) -> None:
        began_s = time.perf_counter()
        try:
            settings = self._job.model_dump(mode="json")
            save_checkpoint(self._root, state, settings, self._attempt, self._may_commit)
            keep, every = self._job.training.keep_checkpoints, self._job.checkpoints.keep_every
            best = (state.get("best") or {}).get("step", 0)
            prune_checkpoints(self._root, keep, done, every, best)
        except Exception as error:
            self._failure = error
            return
        publish(CHECKPOINT_STEP, done)
        seconds = time.perf_counter() - began_s
        logger.info("checkpoint of step %d committed in %.0f ms", done, 1000 * seconds)


def is_due(job: TrainJob, done: int) -> bool:
    """Return whether a checkpoint follows `done` finished steps."""
    every = job.checkpoints.keep_every
    kept = bool(every) and done % every == 0
    return kept or done % job.training.checkpoint_every == 0 or done == job.training.steps
