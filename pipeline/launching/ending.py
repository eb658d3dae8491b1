"""How a launched job ended: its exit code, carried from the cluster to whoever waits for it."""

import os
import re

from pipeline.launching.find import LaunchedJob

VARIABLE = "WEAKVID_JOB"
"""Tells a verb on the cluster which submission it is."""

STOP_WAIT_VARIABLE = "RAY_JOB_STOP_WAIT_TIME_S"
"""Read by Ray's supervisor of the job: seconds between SIGTERM and SIGKILL. Its default of 3 is too
short for a checkpoint."""

FAILED, KILLED = 1, 137


def last_line(code: int) -> str | None:
    """Return what a verb prints at its very end where it is a launched job.

    Ray keeps the exit code of a job that ended, but not of one that it was asked to stop.
    """
    identity = os.environ.get(VARIABLE)
    return f"weakvid: job {identity} ends with exit code {code}" if identity else None


def exit_code(job: LaunchedJob, log: str) -> int:
    """Return the exit code of a job that is over.

    Args:
        job: The job.
        log: What it printed; read only where Ray does not know the code.
    """
    if job.exit_code is not None:
        return job.exit_code if job.exit_code >= 0 else 128 - job.exit_code
    if job.status == "SUCCEEDED":
        return 0
    line = re.compile(
        rf"^weakvid: job {re.escape(job.submission_id)} ends with exit code (\d+)$", re.MULTILINE
    )
    told = line.findall(log)
    if told:
        return int(told[-1])
    return KILLED if job.status == "STOPPED" else FAILED


def ending_text(job: LaunchedJob, code: int) -> str:
    """Return in a line how a job ended, and what to do."""
    what = _ENDINGS.get(code, f"failed (exit code {code}); once mended, {_AGAIN}")
    return f"{job.submission_id} {what}"


_AGAIN = "the same `weakvid launch` goes on from what is committed"
_ENDINGS = {
    0: "is done",
    2: "was given bad settings, or paths that are not there (exit code 2): its log says which",
    3: "is done, with too many rejects (exit code 3)",
    127: "found no `python` on the head's PATH (exit code 127): start Ray there from the "
    "environment in which weakvid is installed",
    130: f"was interrupted (exit code 130); {_AGAIN}",
    137: f"was killed (exit code 137); {_AGAIN}",
    143: f"stopped cleanly (exit code 143); {_AGAIN}",
}
