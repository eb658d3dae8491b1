"""What a cluster knows of the jobs of a name, in lines; for `weakvid status`."""

import time
from collections.abc import Sequence

from pipeline.launching.find import LaunchedJob, attempts_of
from pipeline.launching.reach import named_address, reach
from pipeline.reports.text import duration

NUM_SHOWN = 4


def jobs_named(name: str, address: str, *, insecure_local: bool = False) -> list[LaunchedJob]:
    """Return the attempts of a name on a cluster, the newest last.

    Args:
        name: Of a run, or of a folder of shards: the last part of its path.
        address: Of the cluster's dashboard; empty: as `weakvid logs` finds it.
        insecure_local: Whether a cluster without a token will do.

    Raises:
        ValueError: If the cluster cannot be reached.
    """
    return attempts_of(name, reach(named_address(address), insecure_local=insecure_local))


def job_lines(jobs: Sequence[LaunchedJob], now_s: float | None = None) -> list[str]:
    """Return a line for each of the newest attempts, the newest first."""
    if not jobs:
        return ["job       none of this name: the cluster is new, or it was not launched there"]
    now_s = time.time() if now_s is None else now_s
    newest_first = list(reversed(jobs))
    lines = [
        f"{'job' if number == 0 else '':<9} {job.submission_id}: {_state(job, now_s)}"
        for number, job in enumerate(newest_first[:NUM_SHOWN])
    ]
    more = len(jobs) - NUM_SHOWN
    return lines + ([f"          and {more} attempts before"] if more > 0 else [])


def _state(job: LaunchedJob, now_s: float) -> str:
    """Return verb and status; an attempt that is over tells how long it ran and its exit code."""
    if job.started_s is None:
        return f"{job.verb}, {job.status}"
    ran = duration((job.ended_s if job.ended_s and job.is_over else now_s) - job.started_s)
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    return f"{job.verb}, {job.status}{code}, {'after' if job.is_over else 'for'} {ran}"
