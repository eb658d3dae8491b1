"""The job server of a cluster, reached over HTTP: by an address, or on the cluster itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOOPBACK = "http://127.0.0.1:8265"
"""The dashboard of a head on this machine."""

TIMEOUT_S = 60.0
"""How long one answer may take. Ray's own client waits forever."""

_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")


def named_address(address: str) -> str:
    """Return the address that is meant: the given one, that of the environment, or the head here.

    On a node of the cluster Ray sets `RAY_ADDRESS` for its jobs; it names no HTTP server, and is
    asked where that is.
    """
    return address or next((os.environ[key] for key in _ADDRESSES if os.environ.get(key)), LOOPBACK)


def reach(address: str, *, insecure_local: bool) -> Any:
    """Return a client of the job server.

    Args:
        address: `http://HEAD:8265`, or the address of a cluster as `ray.init` takes it.
        insecure_local: Whether a cluster that lets everybody in will do.

    Raises:
        ValueError: If nothing answers there, or it refuses us.
    """
    import requests
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    class Client(JobSubmissionClient):
        def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
            return super()._do_request(method, endpoint, timeout=TIMEOUT_S, **more)

    try:
        with _without_addresses():
            return Client(address)
    except AuthenticationError as error:
        raise ValueError(
            f"the cluster at {address} must be given its token, and refused this one; copy the "
            "token of its head to ~/.ray/auth_token (mode 0600), or name it by RAY_AUTH_TOKEN_PATH"
        ) from error
    except (ConnectionError, requests.exceptions.RequestException) as error:
        raise ValueError(
            f"--address must be that of a cluster's dashboard, got {address}: nothing answers "
            "there. A dashboard on loopback is reached through a tunnel: "
            "ssh -L 8265:127.0.0.1:8265 HEAD"
        ) from error


@contextmanager
def _without_addresses() -> Iterator[None]:
    """Ray prefers these variables to the address that it is given; we do not."""
    taken = {key: os.environ.pop(key) for key in _ADDRESSES if key in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)
