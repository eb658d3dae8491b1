"""Waiting with an end: a task that is overdue by its own notes is lost, whatever Ray says.

Measured with a network that was cut for 30 s: Ray still called a task of the far node pending four
minutes after the network was up again; with a node that had lost its power, and that Ray itself
called dead, it did until our deadline.
"""

import time
from dataclasses import dataclass, field
from functools import lru_cache

import ray

from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.jobs import Job
from pipeline.tasks.progress import read_note

UNSTARTED_S = 300.0
"""After which a task that has not begun is lost, if a CPU is free for it all the while."""

SUSPICIOUS_S = 15.0
"""Without a new note, after which it is asked whether the node is still there."""

NODES_S = 5.0


@lru_cache(maxsize=1)
def _alive(turn: int) -> frozenset[str]:
    """Return the nodes that Ray takes for alive; asked once a turn."""
    return frozenset(node["NodeID"] for node in ray.nodes() if node["Alive"])


def is_dead(node: str) -> bool:
    """Return whether Ray has taken a node for dead. It does not say so of each task there."""
    return bool(node) and node not in _alive(int(time.monotonic() / NODES_S))


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
            is_late = silent_s > self.note.due_s + margin_s
            return is_late or (silent_s > SUSPICIOUS_S and is_dead(self.note.node))
        if silent_s < UNSTARTED_S:
            return False
        if ray.available_resources().get("CPU", 0) >= 1:
            return True
        self.heard = time.monotonic()  # the cluster is busy: it waits its turn
        return False
