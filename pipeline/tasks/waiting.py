"""Waiting with an end: a task that is overdue by its own notes is lost, whatever Ray says.

Measured with a network that was cut for 30 s: Ray still called a task of the far node pending four
minutes after the network was up again.
"""

import time
from dataclasses import dataclass, field

import ray

from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.jobs import Job
from pipeline.tasks.progress import read_note

UNSTARTED_S = 300.0
"""After which a task that has not begun is lost, if a CPU is free for it all the while."""


@dataclass(slots=True)
class Watched:
    """A job that Ray has, and what it has said last. Times are monotonic seconds of the driver."""

    job: Job
    note: BundleCounts | None = None
    heard: float = field(default_factory=time.monotonic)
    read: float = 0.0

    def look(self, every_s: float) -> BundleCounts | None:
        """Read the note again if that is due; return it."""
        now = time.monotonic()
        if now - self.read >= every_s:
            self.read = now
            note = read_note(self.job.task.out, self.job.name)
            if note != self.note:
                self.note, self.heard = note, now
        return self.note

    def is_overdue(self, margin_s: float) -> bool:
        """Return whether it is to be given up."""
        silent_s = time.monotonic() - self.heard
        if self.note is not None:
            return silent_s > self.note.due_s + margin_s
        if silent_s < UNSTARTED_S:
            return False
        if ray.available_resources().get("CPU", 0) >= 1:
            return True
        self.heard = time.monotonic()  # the cluster is busy: it waits its turn
        return False
