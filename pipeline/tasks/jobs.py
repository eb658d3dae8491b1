"""What the driver knows of each bundle: tries, deaths, and the sources that are suspected.

A worker that dies takes its bundle along. The first time the bundle is built again. The second
time its sources are tried in tasks of their own, which commit nothing: first side by side, then
each that failed there alone on a node, with more memory. One that fails alone is quarantined, and
the bundle is built without it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipeline.tasks.bundle import BundleTask
from pipeline.tasks.quarantine import Verdict

DEATHS_TO_ISOLATE = 2
DEATHS_ALONE = 2
"""Times that a source must kill its worker while it is alone."""


@dataclass(slots=True)
class Job:
    """A bundle to build, or one of its sources to try.

    Attributes:
        task: What is run.
        attempt: Number of the try that is under way or comes next.
        deaths: Times that its worker died.
        losses: Times that it was lost with its node, or overdue.
        seen: Source under way at each death, "" for unknown.
        not_before: Time (monotonic) before which it is not tried.
        begun: Time at which it was handed over last.
        is_alone: Whether it runs while nothing else does.
        probed: Place in its bundle of the source that is tried; None: the bundle is built.
    """

    task: BundleTask
    attempt: int = 1
    deaths: int = 0
    losses: int = 0
    seen: list[str] = field(default_factory=list)
    not_before: float = 0.0
    begun: float = 0.0
    is_alone: bool = False
    probed: int | None = None

    @property
    def name(self) -> str:
        """Name of the note of this try."""
        probe = "" if self.probed is None else f"p{self.probed}-"
        return f"{self.task.bundle}.{probe}{self.attempt}"

    @property
    def label(self) -> str:
        """What messages call it."""
        if self.probed is None:
            return f"bundle {self.task.bundle}"
        return f"{self.task.sources[0].name} by itself"


@dataclass(slots=True)
class Isolation:
    """A bundle that waits until its suspects have been tried.

    Attributes:
        job: The bundle.
        pending: Ids of the sources that are not tried yet.
        verdicts: Those that failed alone.
    """

    job: Job
    pending: set[str]
    verdicts: list[Verdict] = field(default_factory=list)

    def conclude(self) -> Job:
        """Return the job that builds the bundle without the sources that failed."""
        job = self.job
        quarantined = (*job.task.quarantined, *self.verdicts)
        job.task = replace(job.task, quarantined=quarantined, is_final=True)
        job.attempt += 1
        # Where no source is to blame, load is: then it gets the room for itself.
        job.is_alone = not self.verdicts
        return job


def suspects_of(job: Job) -> set[str]:
    """Return the one source at which each worker died, or all where that is not known."""
    blamed = set(job.seen)
    if len(blamed) == 1 and "" not in blamed:
        return blamed
    quarantined = {verdict.video_id for verdict in job.task.quarantined}
    return {source.video_id for source in job.task.sources} - quarantined


def isolate(job: Job, suspects: Iterable[str]) -> tuple[Isolation, list[Job]]:
    """Return the bundle in waiting, and a job for each of its suspects."""
    wanted = set(suspects)
    probes = [
        Job(
            replace(job.task, sources=(source,), quarantined=()),
            is_alone=len(wanted) == 1,
            probed=place,
        )
        for place, source in enumerate(job.task.sources)
        if source.video_id in wanted
    ]
    return Isolation(job, wanted), probes
