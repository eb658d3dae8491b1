"""The one place that starts Ray or joins a cluster: with a token, and only where nodes agree."""

import logging
import os

from configs.runs import RayConfig
from trainers.cluster.environment import OF_DRIVERS
from trainers.cluster.local_ray import out_of_our_process_group
from trainers.cluster.open_cluster import present_ourselves
from trainers.cluster.token import MODE, ensure_token
from trainers.cluster.versions import refuse_mixed_versions

LOCAL, AUTO = "local", "auto"


def join_ray(config: RayConfig, *, cpus: int | None = None) -> None:
    """Start Ray on this machine, or join the cluster at `config.address`.

    Args:
        config: Where, and whether an open cluster is good enough.
        cpus: CPUs of a local Ray; None takes all.

    Raises:
        ValueError: If the cluster lets strangers in, refuses us, does not answer, or its nodes
            have different versions.
    """
    for name, value in OF_DRIVERS.items():
        os.environ.setdefault(name, value)
    if config.address == LOCAL:
        _start_local(cpus, insecure_local=config.insecure_local)
    else:
        _join(config)


def _start_local(cpus: int | None, *, insecure_local: bool) -> None:
    import ray

    if not (insecure_local and os.environ.get(MODE, "token").lower() != "token"):
        ensure_token()
    with out_of_our_process_group():
        ray.init(
            address=LOCAL,
            num_cpus=cpus,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )


def _join(config: RayConfig) -> None:
    import ray
    from ray.exceptions import AuthenticationError

    address = resolved(config.address)
    present_ourselves(address, insecure_local=config.insecure_local)
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        refuse_mixed_versions()
    except AuthenticationError as error:
        raise ValueError(f"the cluster at {address} must be given its own token") from error
    except BaseException:
        ray.shutdown()
        raise


def resolved(address: str) -> str:
    """Return HOST:PORT of the cluster that is meant.

    Raises:
        ValueError: If it is no such address, or `auto` finds no cluster.
    """
    if address.startswith("ray://") or "://" in address:
        raise ValueError(
            f"ray.address must be local, auto or HOST:PORT of a cluster's head, got {address}; "
            "from outside of the cluster: weakvid launch VERB --address http://HEAD:8265"
        )
    if address != AUTO:
        return address
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        return canonicalize_bootstrap_address_or_die(AUTO)
    except ConnectionError as error:
        raise ValueError(
            f"ray.address = auto must find a cluster on this machine, there is none: {error}"
        ) from error
