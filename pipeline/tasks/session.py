"""Ray for one command: a local one of our own, or the cluster that the settings name."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from configs.runs import RayConfig
from trainers.cluster.connect import join_ray


class Drained(Exception):  # noqa: N818  it is no error
    """SIGTERM came: what was under way is committed, the rest is left for the next run."""


@contextmanager
def ray_session(config: RayConfig) -> Iterator[None]:
    """Connect to Ray, or start it on this machine; a session that is open already is used.

    Raises:
        Drained: After SIGTERM while it starts.
        ValueError: If the cluster lets strangers in, or its nodes have different versions.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray tells each start that its token is in use; only its errors are of use here.
    logging.getLogger("ray").setLevel(logging.ERROR)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        join_ray(config, cpus=config.cpus or None)
    except SystemExit as stop:  # what Ray makes of SIGTERM
        raise Drained("nothing was begun") from stop
    if threading.current_thread() is threading.main_thread():
        # Ray's own handler would stay, and end us with exit code 15 whenever SIGTERM comes.
        signal.signal(signal.SIGTERM, on_sigterm)
    try:
        yield
    finally:
        ray.shutdown()
