"""Ray for one command: a local one of our own, or the cluster that the settings name."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from configs.runs import RayConfig
from trainers.local_ray import out_of_our_process_group


class Drained(Exception):  # noqa: N818  it is no error
    """SIGTERM came: what was under way is committed, the rest is left for the next run."""


@contextmanager
def ray_session(config: RayConfig) -> Iterator[None]:
    """Connect to Ray, or start it on this machine; a session that is open already is used.

    Raises:
        Drained: After SIGTERM while it starts.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Retries are ours, and finite; those after its memory monitor killed a worker are endless.
    os.environ.setdefault("RAY_task_oom_retries", "0")
    # Ray tells each start that its token is in use; only its errors are of use here.
    logging.getLogger("ray").setLevel(logging.ERROR)
    is_local = config.address == "local"
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        with out_of_our_process_group():
            ray.init(
                address=config.address,
                num_cpus=(config.cpus or None) if is_local else None,
                include_dashboard=False if is_local else None,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
    except SystemExit as stop:  # what Ray makes of SIGTERM
        raise Drained("nothing was begun") from stop
    if threading.current_thread() is threading.main_thread():
        # Ray's own handler would stay, and end us with exit code 15 whenever SIGTERM comes.
        signal.signal(signal.SIGTERM, on_sigterm)
    try:
        yield
    finally:
        ray.shutdown()
