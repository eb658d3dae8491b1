"""Bundles as Ray tasks: a few in flight, the largest first, finite retries, and a clean stop."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import ray

from configs.runs import RayConfig
from pipeline.tasks.bundle import BundleTask, build_bundle
from pipeline.tasks.progress import reporter
from shards.commit import BundleRecord
from trainers.local_ray import out_of_our_process_group

logger = logging.getLogger(__name__)

POLL_S = 0.5
BACKOFF_S = 2.0
DRAIN_S = 30.0
IN_FLIGHT_PER_CPU = 2


class Drained(Exception):  # noqa: N818  it is no error
    """SIGTERM came: what was under way is committed, the rest is left for the next run."""


@dataclass(slots=True)
class _Queue:
    """Bundles that wait, each with the time before which it is not tried."""

    waiting: list[tuple[float, int, BundleTask]] = field(default_factory=list)

    def take(self, now: float) -> tuple[int, BundleTask] | None:
        for place, (not_before, attempt, task) in enumerate(self.waiting):
            if not_before <= now:
                del self.waiting[place]
                return attempt, task
        return None


@ray.remote(num_cpus=1, max_retries=0)
def _build_remotely(task: BundleTask, attempt: int) -> BundleRecord:
    record = build_bundle(task, attempt, reporter(task.out, task.bundle))
    # The driver needs counts; the rows stand in done/BUNDLE.json.
    return BundleRecord(record.bundle, record.fingerprint, record.planned, attempt=attempt)


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


def run_bundles(
    tasks: Sequence[BundleTask],
    attempts: int,
    on_poll: Callable[[set[str], set[str]], None],
) -> None:
    """Build bundles; each is tried again when its worker dies, at most `attempts` times in all.

    Args:
        tasks: Bundles that are not committed yet.
        attempts: Tries of a bundle.
        on_poll: Called again and again with the bundles under way and those that are done.

    Raises:
        Drained: After SIGTERM.
        RuntimeError: If a bundle failed; all others are committed first.
    """
    largest_first = sorted(tasks, key=lambda task: (-task.num_bytes, task.bundle))
    queue = _Queue([(0.0, 1, task) for task in largest_first])
    most = max(1, int(ray.cluster_resources().get("CPU", 1))) * IN_FLIGHT_PER_CPU
    running: dict[ray.ObjectRef, tuple[int, BundleTask]] = {}
    done: set[str] = set()
    failures: list[str] = []
    with _sigterm() as stop:
        while (queue.waiting and not stop) or running:
            while not stop and len(running) < most and (next_one := queue.take(time.monotonic())):
                attempt, task = next_one
                running[_build_remotely.remote(task, attempt)] = next_one
            if stop and time.monotonic() - stop[0] > DRAIN_S:
                break
            ready, _ = _wait(list(running))
            for reference in ready:
                attempt, task = running.pop(reference)
                _settle(reference, (attempt, task, attempts), queue, done, failures)
            on_poll({task.bundle for _, task in running.values()}, done)
    if stop:
        raise Drained(f"{len(done)} of {len(tasks)} bundles are committed")
    if failures:
        raise RuntimeError(f"{len(failures)} bundles failed: {'; '.join(failures[:3])}")


def _wait(references: list[ray.ObjectRef]) -> tuple[list[ray.ObjectRef], list[ray.ObjectRef]]:
    if references:
        return ray.wait(references, timeout=POLL_S)
    time.sleep(POLL_S)
    return [], []


def _settle(
    reference: ray.ObjectRef,
    tried: tuple[int, BundleTask, int],
    queue: _Queue,
    done: set[str],
    failures: list[str],
) -> None:
    attempt, task, attempts = tried
    try:
        ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        failures.append(f"{task.bundle}: {type(cause).__name__}: {_first_line(cause)}")
    except ray.exceptions.RayError as error:
        # Not our code but what it ran on: a dead worker or node, or no memory.
        reason = _first_line(error)
        if attempt >= attempts:
            failures.append(f"{task.bundle}: its worker died {attempt} times ({reason})")
            return
        logger.warning("bundle %s: %s; attempt %d follows", task.bundle, reason, attempt + 1)
        not_before = time.monotonic() + BACKOFF_S * 2 ** (attempt - 1)
        queue.waiting.append((not_before, attempt + 1, task))
    else:
        done.add(task.bundle)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]


@contextmanager
def _sigterm() -> Iterator[list[float]]:
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
