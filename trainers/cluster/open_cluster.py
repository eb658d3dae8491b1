"""A cluster that lets strangers in is refused. Tried, not believed: we knock without a token."""

import logging
import os
import urllib.error
import urllib.request
from typing import Any

from trainers.cluster.token import MODE, find_token, set_mode
from trainers.redirects import NoRedirects

logger = logging.getLogger(__name__)

KNOCK_S = 10.0

JOBS = "/api/jobs/"
"""Lists jobs, and starts them: who may ask it runs code."""


_STRAIGHT = (("grpc.enable_http_proxy", 0),)


class NoAnswer(ValueError):  # noqa: N818  it is what the user is told
    """Nothing that speaks as Ray does is at that address."""


def present_ourselves(address: str, *, insecure_local: bool) -> None:
    """Let Ray show a cluster its token from here on; none where it is open and that will do.

    Raises:
        ValueError: As `refuse_open_cluster` and `find_token`.
    """
    if refuse_open_cluster(address, insecure_local=insecure_local):
        # A client that asked for tokens would refuse the answers of such a cluster.
        set_mode("disabled")
    else:
        find_token()


def refuse_open_cluster(address: str, *, insecure_local: bool) -> bool:
    """Refuse a cluster that asks strangers for no token, unless the user wants it so.

    Args:
        address: Of its dashboard (`http://HEAD:8265`), or of its GCS (`HEAD:6379`).
        insecure_local: Only warn, where nobody else can reach it.

    Returns:
        Whether it is open.

    Raises:
        ValueError: If a stranger would be let in, or nothing answers.
    """
    if not lets_strangers_in(address):
        return False
    told = f"the cluster at {address} asks for no token: anyone who reaches it runs code on it"
    if insecure_local:
        logger.warning("%s", told)
        return True
    raise ValueError(
        f"{told}; start it with `weakvid cluster start`, or with {MODE}=token in the environment "
        "of each of its nodes; or say --insecure-local (--ray.insecure-local) where nobody else "
        "can reach it"
    )


def lets_strangers_in(address: str) -> bool:
    """Return whether a client without a token is served.

    Raises:
        NoAnswer: If nothing is there, or no Ray.
    """
    is_http = address.startswith(("http://", "https://"))
    return _http_lets_in(address) if is_http else _gcs_lets_in(address)


def _http_lets_in(address: str) -> bool:
    url = address.rstrip("/") + JOBS
    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=KNOCK_S).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return False
        raise NoAnswer(
            f"{url} must be the jobs of a Ray cluster, it answers {error.code}"
        ) from error
    except OSError as error:
        raise NoAnswer(f"{address} must be a Ray dashboard, it does not answer: {error}") from error
    return True


def _gcs_lets_in(address: str) -> bool:
    import grpc
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    messages: Any = gcs_service_pb2

    with _channel(address) as channel:
        nodes = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
        try:
            nodes.GetAllNodeInfo(messages.GetAllNodeInfoRequest(), timeout=KNOCK_S)
        except grpc.RpcError as error:
            code = error.code()  # pyrefly: ignore[missing-attribute]
            if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                return False
            raise NoAnswer(
                f"{address} must be the address of a Ray cluster, as HOST:PORT of its head; "
                f"nothing answers there ({code.name}). Is it running, and this "
                "machine let through to it?"
            ) from error
    return True


def _channel(address: str):  # noqa: ANN202  grpc has no types here
    """Return a channel that shows no token; over TLS where Ray is told to use it."""
    import grpc

    if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
        return grpc.insecure_channel(address, _STRAIGHT)
    from ray._common.tls_utils import load_certs_from_env

    chain, key, authority = load_certs_from_env()
    credentials = grpc.ssl_channel_credentials(
        root_certificates=authority, private_key=key, certificate_chain=chain
    )
    return grpc.secure_channel(address, credentials, _STRAIGHT)
