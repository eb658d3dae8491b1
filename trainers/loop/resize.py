"""Elastic workers: how many begin an attempt, and when a running one is asked to end for another.

A group that is smaller than the room is asked to end where a checkpoint is due, so no step is done
twice for growing. A group on a node that has been given notice is asked to end after its step.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from configs.runs import TrainJob
from configs.training import TrainingConfig
from shards.paths import AnyPath
from trainers.loop import folder

logger = logging.getLogger(__name__)

LOOK_S = 2.0
"""Between two looks at the cluster."""

SETTLE_S = 3.0
"""How long the workers of the attempt before may hold on to their room."""

_STEADY_LOOKS = 3
"""Looks in a row that must find more room: a node that comes and goes is not worth a restart."""


class Room(Protocol):
    """Knows the machines; a Group does."""

    def room(self, *, after_failure: bool = False) -> int:
        """Return how many workers could run, those that do included."""
        ...

    def leaving(self) -> Sequence[str]:
        """Return the nodes of running workers that have been given notice."""
        ...


def wait_for_workers(
    room: Room, job: TrainJob, interrupted: Callable[[], bool], *, after_failure: bool
) -> int | None:
    """Return how many workers can begin now, as soon as they are enough.

    A fixed number is left to Ray to wait for: an autoscaler sees only what Ray is asked for.

    Returns:
        At most `training.workers`; 0 where `interrupted` said so; None where there was no room
        for enough of them within `faults.wait_for_workers_s`.
    """
    most = max(1, job.training.workers)
    least = job.training.min_workers
    if not least:
        return 0 if interrupted() else most
    began_s = time.monotonic()
    deadline = began_s + job.faults.wait_for_workers_s
    settled = began_s + (SETTLE_S if after_failure else 0.0)
    said = False
    while not interrupted():
        found = room.room(after_failure=after_failure)
        if found >= most or (found >= least and time.monotonic() >= settled):
            return min(found, most)
        if time.monotonic() >= deadline:
            return None
        if not said and found < least:
            logger.warning("waiting for %d workers, there is room for %d", least, found)
            said = True
        time.sleep(0.5)
    return 0


class Watch:
    """Looks after a running attempt, now and then."""

    def __init__(
        self, room: Room, training: TrainingConfig, run_dir: AnyPath, workers: int
    ) -> None:
        """Begin to look.

        Args:
            room: Knows the machines.
            training: How many workers there may be.
            run_dir: The run's folder, where the workers find what they are asked.
            workers: How many there are.
        """
        self.asked: Literal["", "preempted", "resized"] = ""
        """Why the workers were asked to end, if they were."""

        self._room, self._run_dir, self._workers = room, run_dir, workers
        self._most = training.workers
        self._more = 0
        self._next_s = 0.0

    def look(self) -> None:
        """Ask the workers to end where a node of theirs leaves, or where more could run."""
        if time.monotonic() < self._next_s or self.asked == "preempted":
            return
        self._next_s = time.monotonic() + LOOK_S
        leaving = self._room.leaving()
        if leaving:
            logger.warning("nodes leave, the workers write a checkpoint and end: %s", leaving)
            self.asked = "preempted"
            (self._run_dir / folder.STOP).touch()
        elif self._workers < self._most and not self.asked:
            self._look_for_room()

    def _look_for_room(self) -> None:
        room = min(self._room.room(), self._most)
        self._more = self._more + 1 if room > self._workers else 0
        if self._more >= _STEADY_LOOKS:
            logger.warning("room for %d workers: growing at the next checkpoint", room)
            self.asked = "resized"
            (self._run_dir / folder.GROW).touch()
