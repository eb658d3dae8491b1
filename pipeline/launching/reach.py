"""The job server of a cluster, reached over HTTP: by an address, or on the cluster itself."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trainers.cluster.connect import resolved
from trainers.cluster.open_cluster import NoAnswer, present_ourselves
from trainers.cluster.token import COPY_IT, find_token

LOOPBACK = "http://127.0.0.1:8265"
"""The dashboard of a head on this machine."""

TIMEOUT_S = 60.0
"""How long one answer may take. Ray's own client waits forever."""

# They tell each upload and each end of a stream; ours is the word on a job.
_TALKATIVE = ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk")

_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")


def named_address(address: str) -> str:
    """Return the address that is meant: the given one, that of the environment, or the head here.

    For its jobs, Ray sets `RAY_ADDRESS`; it names no HTTP server, and is asked where that is.
    """
    return address or next((os.environ[key] for key in _ADDRESSES if os.environ.get(key)), LOOPBACK)


def reach(address: str, *, insecure_local: bool) -> Any:
    """Return a client of the job server.

    Args:
        address: `http://HEAD:8265`, or on the cluster `auto` or HOST:PORT, as `ray.address` has it.
        insecure_local: Whether a cluster that lets everybody in will do.

    Raises:
        ValueError: If nothing answers there, everybody is let in, or we are not.
    """
    import requests
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)

    class Client(JobSubmissionClient):
        def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
            return super()._do_request(method, endpoint, timeout=TIMEOUT_S, **more)

    try:
        with _without_addresses():
            url = _dashboard_of(address)
            present_ourselves(url, insecure_local=insecure_local)
            return Client(url)
    except AuthenticationError as error:
        raise ValueError(
            f"the cluster at {address} must be given its own token, and refused ours; {COPY_IT}"
        ) from error
    except (NoAnswer, ConnectionError, requests.exceptions.RequestException) as error:
        raise ValueError(
            f"--address must be that of a cluster's dashboard, got {address}: {error}. One that "
            "is bound to loopback is reached through a tunnel, ssh -N -L 8265:127.0.0.1:8265 HEAD, "
            f"as {LOOPBACK}"
        ) from error


def _dashboard_of(address: str) -> str:
    if address.startswith(("http://", "https://")):
        return address.rstrip("/")
    from ray.dashboard.utils import ray_address_to_api_server_url

    gcs = resolved(address)
    find_token()
    return ray_address_to_api_server_url(gcs)


@contextmanager
def _without_addresses() -> Iterator[None]:
    """Ray prefers these variables to the address that it is given; we do not."""
    taken = {key: os.environ.pop(key) for key in _ADDRESSES if key in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)
