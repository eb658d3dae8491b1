"""What the first worker writes while training: figures of the run, and of every worker."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from configs.runs import TrainJob
from trainers.loop import folder
from trainers.loop.attempts import Fence, append_event
from trainers.loop.desk import Desk
from trainers.loop.metrics import MetricsLog
from trainers.loop.workertimes import Exchange
from trainers.telemetry.figures import SKIPPED_STEPS
from trainers.telemetry.publish import publish, publish_step
from trainers.tracking.build import begin_trackers

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)


class Recorder:
    """Writes each step's figures once, and only while its attempt is the newest."""

    def __init__(self, job: TrainJob, desk: Desk, fence: Fence, step: int) -> None:
        """Open the logs of an attempt that goes on from `step`, and follow them for trackers."""
        run_dir = desk.run_dir
        self._fence, self._run_dir, self._begin = fence, run_dir, step
        self._metrics = MetricsLog(
            desk.path_or_parts(folder.METRICS), lambda: desk.deliver(folder.METRICS)
        )
        self._workers = desk.open_log(folder.WORKERS)
        self._board = _board(desk.folder, step) if job.tracking.tensorboard else None
        self._trackers = begin_trackers(
            job, [run_dir / folder.METRICS, run_dir / folder.EVALUATIONS], desk.folder
        )

    def write(self, step: int, values: dict[str, float]) -> None:
        """Write one line.

        Raises:
            StaleAttempt: If a newer attempt has taken over the run.
        """
        self._fence.check_at_times()
        self._metrics.write(step, values)
        self._draw(step, values)
        publish_step(step, values)
        if step == self._begin + 1 and "train/lr" in values:
            # From here on the run is productive again: what the time to recover ends with.
            append_event(self._run_dir, self._fence.attempt, "stepping", step=step)

    def write_workers(self, step: int, exchange: Exchange) -> None:
        """Write what is known of each worker, and name those that are slow.

        Raises:
            StaleAttempt: If a newer attempt has taken over the run.
        """
        self._fence.check_at_times()
        line = {"step": step, "attempt": self._fence.attempt, "unix_s": round(time.time(), 3)}
        self._workers.write(json.dumps(line | {"workers": exchange.workers}) + "\n")
        self._workers.flush()
        for row in exchange.workers:
            seconds = {key: value for key, value in row.items() if isinstance(value, float)}
            self._draw(step, {f"worker-{row['worker']}/{key}": seconds[key] for key in seconds})
        for slow in exchange.stragglers:
            logger.warning("%s", slow)
            append_event(
                self._run_dir,
                self._fence.attempt,
                "straggler",
                step=slow.step,
                worker=slow.worker,
                node=slow.node,
                phase=slow.phase,
                ratio=round(slow.ratio, 2),
            )

    def write_skip(self, step: int, reason: str, rows: Sequence[int]) -> None:
        """Note a step that was skipped, and the rows of the corpus to suspect.

        Raises:
            StaleAttempt: If a newer attempt has taken over the run.
        """
        self._fence.check_at_times()
        publish(SKIPPED_STEPS, 1)
        append_event(
            self._run_dir, self._fence.attempt, "skipped", step=step, reason=reason, rows=[*rows]
        )

    def sync(self) -> None:
        """Flush all to the disk."""
        self._metrics.sync()
        if self._board is not None:
            self._board.flush()

    def close(self) -> None:
        """Flush and close all."""
        self._metrics.close()
        self._workers.close()
        for tracker in self._trackers:
            tracker.close()
        if self._board is not None:
            self._board.close()

    def _draw(self, step: int, values: Mapping[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _board(run_dir: Path, step: int) -> "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter

    # Events of steps that are done again are dropped by TensorBoard when it reads this.
    return SummaryWriter(str(run_dir / folder.TENSORBOARD), purge_step=step + 1)
