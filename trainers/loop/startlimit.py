"""Ends a group of workers that does not come up: Ray waits for their first answers without end.

An answer that is lost with a network that was cut does not come later either. So Ray's controller,
in whose process this runs, ends itself; its workers go with it, and the driver begins anew.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ray.train.v2._internal.execution.callback import WorkerGroupCallback

logger = logging.getLogger(__name__)

EXIT_CODE = 76


class StartLimit(WorkerGroupCallback):
    """A limit on the time from asking for workers until they train."""

    def __init__(self, limit_s: float) -> None:
        """Keep the limit: for room, for processes, and for their process group."""
        self.limit_s = limit_s

    @contextmanager
    def on_worker_group_start(self) -> Iterator[None]:
        """Ray calls this around the start of a group."""
        timer = threading.Timer(self.limit_s, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        logger.error("the workers were not up after %.0f s", self.limit_s)
        # An exception would wait for the thread that waits.
        os._exit(EXIT_CODE)
