"""How long a worker may be silent, and how long the run waits for workers to be had."""

from pydantic import Field

from configs.settings import Settings


class FaultsConfig(Settings):
    """What counts as a hang, and what is done while machines are missing."""

    start_limit_s: float = Field(default=600.0, gt=0)
    """Seconds in which a worker must get from its start to the end of its first step."""

    step_limit_s: float = Field(default=120.0, gt=0)
    """Seconds that a worker may later stay in one phase of a step: waiting for its data, computing,
    validating, handing over a checkpoint. Waiting for other workers does not count."""

    wait_for_workers_s: float = Field(default=600.0, ge=0)
    """Seconds to wait, before an attempt, until enough workers can be had; then training gives
    up, and the same command goes on."""
