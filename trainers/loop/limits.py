"""How long a collective may take: as long as a worker that is not stuck may keep others waiting."""

from datetime import timedelta

from torch import distributed

from configs.faults import FaultsConfig
from configs.runs import TrainJob

_NO_LIMIT_S = 1e8


def phase_limits(job: TrainJob) -> FaultsConfig:
    """Return how long a worker may be silent.

    In the driver's own process nothing limits it: there a debugger may hold a step for hours.
    """
    if job.training.workers:
        return job.faults
    limits = {"start_limit_s": _NO_LIMIT_S, "step_limit_s": _NO_LIMIT_S}
    return job.faults.model_copy(update=limits)


def first_collective_limit_s(limits: FaultsConfig) -> float:
    """Return the limit until each worker has done its first step.

    Twice that of one phase: whoever is stuck is found by its own watchdog first, and named.
    """
    return 2 * limits.start_limit_s


def shorten_collectives(limits: FaultsConfig) -> None:
    """Put the limit of later steps in force, on every worker, once it has done its first one."""
    if not distributed.is_initialized():
        return
    limit = timedelta(seconds=2 * limits.step_limit_s)
    # There is no public way to do it without making the process group anew.
    distributed.distributed_c10d._set_pg_timeout(limit)
