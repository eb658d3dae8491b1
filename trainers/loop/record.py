"""What the first worker writes while training: metrics.jsonl and TensorBoard."""

from pathlib import Path

from trainers.loop import folder
from trainers.loop.attempts import Fence
from trainers.loop.metrics import MetricsLog


class Recorder:
    """Writes each step's figures once, and only while its attempt is the newest."""

    def __init__(self, run_dir: Path, fence: Fence, step: int) -> None:
        """Open the logs of an attempt that goes on from `step`."""
        from torch.utils.tensorboard import SummaryWriter

        self._fence = fence
        self._metrics = MetricsLog(run_dir / folder.METRICS)
        # Events of steps that are done again are dropped by TensorBoard when it reads this.
        self._board = SummaryWriter(str(run_dir / folder.TENSORBOARD), purge_step=step + 1)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Write one line.

        Raises:
            StaleAttempt: If a newer attempt has taken over the run.
        """
        self._fence.check()
        self._metrics.write(step, values)
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def sync(self) -> None:
        """Flush both to the disk."""
        self._metrics.sync()
        self._board.flush()

    def close(self) -> None:
        """Flush and close both."""
        self._metrics.close()
        self._board.close()
