"""A log of metrics, and a run that is followed from its beginning to its end."""

import pytest

from trainers.loop.metrics import MetricsLog
from trainers.tracking.build import begin_trackers


@pytest.fixture
def write():
    """Write lines of steps to a log."""

    def write_steps(path, steps, kind="train"):
        log = MetricsLog(path)
        for step in steps:
            log.write(step, {f"{kind}/loss": 1 / step, f"{kind}/lr": 0.1})
        log.close()

    return write_steps


@pytest.fixture
def follow():
    """Follow a log with the trackers of a job, and end."""

    def follow_to_the_end(job, path):
        for follower in begin_trackers(job, [path], path.parent):
            follower.close()

    return follow_to_the_end
