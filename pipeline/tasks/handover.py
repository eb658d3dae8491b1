"""All that the driver of a build asks of Ray: begin a job, which ended, what came of it, stop it.

A benchmark puts workers in its place that need no Ray, and a clock of their own.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import ray

from configs.shards import ShardsConfig
from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.jobs import Job
from pipeline.tasks.quarantine import Verdict
from pipeline.tasks.remote import Room, build_remotely, probe_remotely

GATHER_S = 0.0005
"""Seconds, for each job under way, in which more may end once one has.

Asking costs something for each job under way. At a thousand we ask twice a second, at ten at once:
what a bundle costs the driver does not depend on how many are under way. A CPU does not wait
meanwhile: there is another job in its queue.
"""


class Handover(Protocol):
    """What runs jobs. A reference is whatever `begin` returns."""

    def room(self, settings: ShardsConfig) -> Room:
        """Return what there is to run jobs on."""
        ...

    def begin(self, job: Job, room: Room) -> Any:
        """Hand a job over; return what it is asked for by."""
        ...

    def ended(self, references: Sequence[Any], wait_s: float) -> Sequence[Any]:
        """Return those that ended; wait a little where none has."""
        ...

    def result(self, reference: Any) -> BundleCounts | Verdict | None:
        """Return what a job returned, or raise what it died of, as Ray does."""
        ...

    def stop(self, reference: Any) -> None:
        """Kill it, or take it back."""
        ...


class RayHandover:
    """Jobs as tasks of Ray."""

    def room(self, settings: ShardsConfig) -> Room:
        """Return the room of the cluster that we are connected to."""
        return Room.of_cluster(settings)

    def begin(self, job: Job, room: Room) -> ray.ObjectRef:
        """Make a task of the job."""
        remote = build_remotely if job.probed is None else probe_remotely
        return remote.options(**room.options(is_alone=job.is_alone)).remote(job.task, job.name)

    def ended(self, references: Sequence[ray.ObjectRef], wait_s: float) -> list[ray.ObjectRef]:
        """Return all that ended, not only the first."""
        waited_for = list(references)
        ready, _ = ray.wait(waited_for, timeout=wait_s)
        if ready and len(waited_for) > 1:
            gather_s = GATHER_S * len(waited_for)
            ready, _ = ray.wait(waited_for, num_returns=len(waited_for), timeout=gather_s)
        return ready

    def result(self, reference: ray.ObjectRef) -> BundleCounts | Verdict | None:
        """Return what the task returned, or raise an error of Ray's."""
        return ray.get(reference)

    def stop(self, reference: ray.ObjectRef) -> None:
        """Kill the task's worker, or take the task back."""
        ray.cancel(reference, force=True)
