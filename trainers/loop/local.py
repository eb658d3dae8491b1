"""`training.workers 0`: the one worker runs in the driver's own process, without Ray.

A debugger and a profiler see all of it, and the first step comes seconds earlier. Attempts,
checkpoints and signals are those of every run; only what a group of processes survives, the death
of one of them, ends this one.
"""

import logging
from collections.abc import Sequence

import torch

from trainers.loop.deaths import GroupFailed
from trainers.loop.prepare import Assignment
from trainers.loop.worker import train_worker

logger = logging.getLogger(__name__)


class LocalGroup:
    """Runs the worker of one attempt after the other in this process."""

    def fit(self, assignment: Assignment, workers: int) -> None:
        """Run the worker to its end.

        Raises:
            GroupFailed: If it raised anything; the traceback is in the log.
        """
        try:
            train_worker(assignment, 0, workers, local_device())
        except Exception as error:
            logger.exception("the worker failed")
            raise GroupFailed({0: error}) from error

    def room(self, *, after_failure: bool = False) -> int:
        """Return 1: there is one process."""
        return 1

    def leaving(self) -> Sequence[str]:
        """Return no node: nobody gives notice of this machine."""
        return ()


def local_device() -> torch.device:
    """Return the first GPU where there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
