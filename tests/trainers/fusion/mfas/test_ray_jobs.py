"""Tests of trainers/fusion/mfas/ray_jobs.py."""

from collections.abc import Callable

import pytest

from trainers.cluster.local_ray import out_of_our_process_group
from trainers.fusion.mfas.jobs import Trainer
from trainers.fusion.mfas.search import search
from trainers.fusion.mfas.trace import Trace

ray = pytest.importorskip("ray")


@pytest.mark.ray
def test_jobs_as_ray_tasks_find_what_one_process_finds(
    trainer: Callable[..., Trainer], whole: Trace
) -> None:
    from trainers.fusion.mfas.ray_jobs import ray_jobs

    with out_of_our_process_group():
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        found = search(trainer(), 0, jobs=ray_jobs(), most_steps=2)
    finally:
        ray.shutdown()
    assert found.steps == whole.steps[:2]
