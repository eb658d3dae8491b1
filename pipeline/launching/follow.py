"""A launched job watched to its end, through drops of the log stream and of the cluster."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pipeline.console import complain
from pipeline.launching.find import LaunchedJob, job_of

PATIENCE_S = 600.0
"""How long a cluster may not answer before we no longer wait for it."""

POLL_S = 2.0
QUIET_S = 15.0
"""A stream that is silent for so long is asked about: it may have been dropped without a word."""

RENEW_S = 300.0
"""A stream that is silent for so long, while its job runs, is opened anew."""


T = TypeVar("T")


class ClusterLostError(RuntimeError):
    """The cluster no longer answers, or no longer knows the job."""


def wait(client: Any, identity: str, on_status: Callable[[str], None]) -> LaunchedJob:
    """Return the job when it is over, and tell each status that it comes to.

    Raises:
        ClusterLostError: If the cluster stays away.
    """
    status = ""
    while True:
        job = patiently(lambda: job_of(identity, client), identity)
        if job.status != status:
            status = job.status
            on_status(status)
        if job.is_over:
            return job
        time.sleep(POLL_S)


def follow(client: Any, identity: str, write: Callable[[str], None]) -> tuple[LaunchedJob, str]:
    """Write the log of a job as it grows; return the job when it is over, and the whole log.

    A stream that ends while the job runs, or is silent for long, is opened anew. It then begins
    with the first character, so what was written already is passed over.

    Raises:
        ClusterLostError: If the cluster stays away.
    """
    return asyncio.run(_follow(client, identity, write))


def patiently(call: Callable[[], T], identity: str) -> T:
    """Return what a request returns, asked again while the cluster does not answer.

    Raises:
        ClusterLostError: If it stays away for `PATIENCE_S`, or does not know the job.
    """
    import requests

    since: float | None = None
    while True:
        try:
            return call()
        except (requests.exceptions.RequestException, ConnectionError) as error:
            if since is None:
                complain(f"the cluster does not answer; trying again ({type(error).__name__})")
            since = time.monotonic() if since is None else since
            if time.monotonic() - since > PATIENCE_S:
                raise ClusterLostError(
                    f"the cluster did not answer for {PATIENCE_S:.0f} s; {identity} may go on "
                    "without us, or be gone with the head of its cluster"
                ) from error
        except RuntimeError as error:
            if "does not exist" not in str(error):
                raise
            raise ClusterLostError(
                f"the cluster no longer knows {identity}: its head was replaced. The same "
                "`weakvid launch` goes on from what is committed"
            ) from error
        time.sleep(POLL_S)


async def _follow(
    client: Any, identity: str, write: Callable[[str], None]
) -> tuple[LaunchedJob, str]:
    shown = 0
    while True:
        shown = await _read_stream(client, identity, shown, write)
        job = await asyncio.to_thread(patiently, lambda: job_of(identity, client), identity)
        if job.is_over:
            log = await asyncio.to_thread(read_log, client, identity)
            if log[shown:]:
                write(log[shown:])
            return job, log
        await asyncio.sleep(POLL_S)


def read_log(client: Any, identity: str) -> str:
    """Return all that a job has printed so far; nothing, said, where the cluster cannot read it.

    Raises:
        ClusterLostError: If the cluster stays away.
    """
    try:
        return patiently(lambda: client.get_job_logs(identity), identity)
    except RuntimeError as error:
        if isinstance(error, ClusterLostError):
            raise
        complain(f"the log of {identity} cannot be read: {error}")
        return ""


async def _read_stream(client: Any, identity: str, shown: int, write: Callable[[str], None]) -> int:
    """Read one stream to its end, to a drop, or until it was silent for too long.

    Returns:
        Characters of the log that were written, in this stream and before.
    """
    import aiohttp

    stream = client.tail_job_logs(identity)
    seen, silent_s = 0, 0.0
    step = asyncio.ensure_future(_next(stream))
    try:
        while silent_s < RENEW_S:
            done, _ = await asyncio.wait({step}, timeout=QUIET_S)
            if not done:
                silent_s += QUIET_S
                if (await asyncio.to_thread(job_of, identity, client)).is_over:
                    break
                continue
            text = step.result()
            if text is None:
                break
            seen, silent_s = seen + len(text), 0.0
            fresh = text[max(0, len(text) - max(0, seen - shown)) :]
            if fresh:
                write(fresh)
            shown += len(fresh)
            step = asyncio.ensure_future(_next(stream))
    except (RuntimeError, OSError, aiohttp.ClientError):
        # A drop: whoever called us asks for the status, which tells it from the end.
        pass
    finally:
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)
        await stream.aclose()
    return shown


async def _next(stream: Any) -> str | None:
    async for text in stream:
        return text
    return None
