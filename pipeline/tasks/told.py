"""What a worker that builds says while it does: log lines, and figures of each video."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from pipeline.tasks.bundle import BundleTask
from trainers.telemetry.here import at, remember
from trainers.telemetry.logs import set_up_worker
from trainers.telemetry.publish import switch

logger = logging.getLogger(__name__)


@contextmanager
def told(task: BundleTask, name: str) -> Iterator[None]:
    """Log and count what happens inside as a try of a bundle, on this node.

    Args:
        task: The bundle.
        name: Name of the try.
    """
    set_up_worker(task.operating, "build")
    switch(on=task.operating.metrics)
    run = task.out.rstrip("/").rpartition("/")[2]
    remember(run=run, stage="shards", node=ray.get_runtime_context().get_node_id())
    with at(bundle=task.bundle, attempt=name.rpartition(".")[2]):
        began_s = time.monotonic()
        yield
        seconds = time.monotonic() - began_s
        logger.info("%d videos took %.1f s", len(task.sources), seconds)
