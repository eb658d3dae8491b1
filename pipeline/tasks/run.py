"""Bundles as Ray tasks: a few in flight, finite retries, poison isolated, and a clean stop."""

import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from pipeline.tasks.bundle import BundleCounts, BundleTask
from pipeline.tasks.dispatch import BuildError, Dispatch
from pipeline.tasks.session import Drained
from trainers.telemetry import figures
from trainers.telemetry.publish import publish

logger = logging.getLogger(__name__)

DRAIN_S = 24.0
"""Leaves time to let go of Ray within the 30 s that batch systems grant."""

NUM_TOLD = 3


def run_bundles(tasks: Sequence[BundleTask], on_poll: Callable[[BundleCounts], None]) -> None:
    """Build bundles. Each is tried again when its worker dies, up to `shards.attempts` times.

    Args:
        tasks: Bundles of one output that are not committed yet, in the order in which they are
            begun: the largest first, so that no long one is left for the end.
        on_poll: Called again and again with what is done so far.

    Raises:
        Drained: After SIGTERM.
        BuildError: If the output cannot be written, or Ray died, which stops the build; or if
            bundles failed, which lets all others be committed first.
    """
    run = Dispatch(tasks)
    with asked_to_stop() as stop:
        while run.is_open(may_start=not stop):
            if not stop:
                run.start()
            elif time.monotonic() - stop[0] > DRAIN_S:
                break
            else:
                run.withdraw()
            run.settle()
            on_poll(run.counts())
            publish(figures.BUNDLES_RUNNING, len(run.running))
            publish(figures.BUNDLES_LEFT, len(tasks) - run.num_done - len(run.failures))
            publish(figures.BUNDLES_FAILED, len(run.failures))
    run.close()
    if stop:
        for failure in run.failures:
            logger.error("%s", failure)
        raise Drained(f"{run.num_done} of {len(tasks)} bundles are committed")
    if run.failures:
        told = "; ".join(run.failures[:NUM_TOLD])
        more = len(run.failures) - NUM_TOLD
        raise BuildError(
            f"{len(run.failures)} bundles failed, all others are committed: {told}"
            f"{f'; and {more} more, see above' if more > 0 else ''}. The same command tries them "
            "again"
        )


@contextmanager
def asked_to_stop() -> Iterator[list[float]]:
    """Yield a list that gets the time of the first SIGTERM; a second one acts as usual."""
    asked: list[float] = []

    def remember(number: int, frame: FrameType | None) -> None:
        asked.append(time.monotonic())
        signal.signal(signal.SIGTERM, previous)
        logger.warning("SIGTERM: no new bundle is started; at most %.0f s to leave", DRAIN_S)

    previous = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, remember)
    except ValueError:  # not the main thread: whoever owns it decides
        yield asked
        return
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, previous)
