"""Jobs that were launched, found again by the name of their run.

A submission id is the name and the attempt, `NAME-1`, `NAME-2`, ...: Ray refuses an id that it
knows, so of two who launch the same attempt one is refused.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What a name may look like; the same as that of a run."""

VERB_KEY, FOLDER_KEY = "weakvid_verb", "weakvid_folder"
"""Metadata of a job: what it does, and the folder or URL that it writes."""

_OVER = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})


@dataclass(frozen=True, slots=True)
class LaunchedJob:
    """One attempt, as the cluster knows it."""

    name: str
    attempt: int
    status: str
    """PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED."""

    verb: str
    folder: str
    """What the verb writes: a run's folder, or that of shards."""

    exit_code: int | None
    """Of the verb; None while it runs, and where it was stopped."""

    message: str
    started_s: float | None
    ended_s: float | None

    @property
    def submission_id(self) -> str:
        """What Ray calls it."""
        return submission_id(self.name, self.attempt)

    @property
    def is_over(self) -> bool:
        """Whether its status is its last one."""
        return self.status in _OVER


def submission_id(name: str, attempt: int) -> str:
    """Return the id of one attempt."""
    return f"{name}-{attempt}"


def attempts_of(name: str, client: Any) -> list[LaunchedJob]:
    """Return the attempts of a name that the cluster knows, the newest last.

    Args:
        name: Name of a run, or the name that was given to `weakvid launch`.
        client: From `pipeline.launching.reach.reach`.
    """
    return [job for job in launched(client) if job.name == name]


def newest(name: str, client: Any, address: str, attempt: int = 0) -> LaunchedJob:
    """Return an attempt of a name, the newest one unless another is asked for.

    Raises:
        ValueError: If the cluster knows none.
    """
    jobs = launched(client)
    mine = {job.attempt: job for job in jobs if job.name == name}
    if attempt and mine and attempt not in mine:
        raise ValueError(f"--attempt must be one of {sorted(mine)}, got {attempt}")
    if mine:
        return mine[attempt or max(mine)]
    known = ", ".join(sorted({job.name for job in jobs})) or "none"
    raise ValueError(
        f"the cluster at {address} must know a job of this name, got {name!r}; it knows: {known}. "
        "A cluster forgets its jobs when its head is replaced; what they wrote is in their folder"
    )


def launched(client: Any) -> list[LaunchedJob]:
    """Return all jobs of the cluster that `weakvid launch` sent, by name and attempt."""
    return sorted(_ours(client.list_jobs()), key=lambda job: (job.name, job.attempt))


def job_of(identity: str, client: Any) -> LaunchedJob:
    """Return one attempt by its submission id.

    Raises:
        RuntimeError: If the cluster does not know it.
    """
    return _read(client.get_job_info(identity))


def _ours(jobs: Iterable[Any]) -> Iterator[LaunchedJob]:
    for job in jobs:
        _, dash, attempt = (job.submission_id or "").rpartition("-")
        if dash and attempt.isdecimal() and VERB_KEY in (job.metadata or {}):
            yield _read(job)


def _read(job: Any) -> LaunchedJob:
    name, _, attempt = job.submission_id.rpartition("-")
    metadata = job.metadata or {}
    return LaunchedJob(
        name=name,
        attempt=int(attempt),
        status=str(getattr(job.status, "value", job.status)),
        verb=metadata.get(VERB_KEY, ""),
        folder=metadata.get(FOLDER_KEY, ""),
        exit_code=job.driver_exit_code,
        message=job.message or "",
        started_s=job.start_time and job.start_time / 1000,
        ended_s=job.end_time and job.end_time / 1000,
    )
