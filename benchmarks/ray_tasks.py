"""What a task costs the driver of a build with the real Ray, by the number of tasks in flight.

    .venv/bin/python -m benchmarks.ray_tasks [--tasks N] [--seconds S] [--in-flight N ...]

The tasks carry what a bundle of 32 sources carries, sleep and build nothing. They are handed over
and waited for as a build does. For comparison, the last line takes them one at a time.
"""

import argparse
import logging
import os
import sys
import time

import ray

from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.console import say
from pipeline.listing.source import SourceFile
from pipeline.tasks import handover
from pipeline.tasks.bundle import BundleCounts, BundleTask
from pipeline.tasks.handover import RayHandover
from pipeline.tasks.jobs import Job
from pipeline.tasks.remote import Room

ROOM = Room(2, 1, 2, 0, 0)


class OneAtATime(RayHandover):
    """Asks Ray for one task that ended, as Ray does if it is not told otherwise."""

    def ended(self, references: list[ray.ObjectRef], wait_s: float) -> list[ray.ObjectRef]:
        """Return the first."""
        return ray.wait(references, timeout=wait_s)[0]


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description="CPU of the driver for a task of Ray.")
    parser.add_argument("--tasks", type=int, default=1200)
    parser.add_argument("--seconds", type=float, default=0.02, help="what a task sleeps")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[10, 100, 1000])
    asked = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        include_dashboard=False,
        num_cpus=ROOM.num_slots,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    handover.build_remotely = _sleeping(asked.seconds)
    _measure("warm-up", RayHandover(), 50, 10)
    for number in asked.in_flight:
        _measure("all that ended", RayHandover(), asked.tasks, number)
    _measure("one at a time", OneAtATime(), asked.tasks, asked.in_flight[-1])
    ray.shutdown()
    return 0


def _sleeping(seconds: float) -> ray.remote_function.RemoteFunction:
    @ray.remote(num_cpus=1, max_retries=0)
    def sleep(task: BundleTask, name: str) -> BundleCounts:
        time.sleep(seconds)
        return BundleCounts(len(task.sources), 1, 0)

    return sleep


def _measure(name: str, cluster: RayHandover, num_tasks: int, in_flight: int) -> None:
    task = _task()
    running: set[ray.ObjectRef] = set()
    num_begun = num_done = num_polls = 0
    spent = dict.fromkeys(("hand over", "wait", "get"), 0.0)
    cpu_s, start = time.process_time(), time.monotonic()
    while num_done < num_tasks:
        marks = [time.thread_time()]
        while num_begun < num_tasks and len(running) < in_flight:
            running.add(cluster.begin(Job(task), ROOM))
            num_begun += 1
        marks.append(time.thread_time())
        ended = cluster.ended(list(running), 0.5)
        marks.append(time.thread_time())
        for reference in ended:
            cluster.result(reference)
            running.remove(reference)
        marks.append(time.thread_time())
        num_done, num_polls = num_done + len(ended), num_polls + 1
        for part, begin, end in zip(spent, marks, marks[1:], strict=False):
            spent[part] += end - begin
    cpu_s, seconds = time.process_time() - cpu_s, time.monotonic() - start
    parts = ", ".join(f"{part} {1000 * value / num_tasks:.2f}" for part, value in spent.items())
    say(
        f"{name:<15}{in_flight:>5} in flight: {1000 * cpu_s / num_tasks:.2f} ms of CPU a task "
        f"(main thread: {parts}), {num_tasks / seconds:.0f} tasks/s, asked {num_polls} times"
    )


def _task() -> BundleTask:
    sources = tuple(
        SourceFile(f"v{n:08d}", f"s3://b/{n}.mp4", f"s3://b/{n}.json3", f"{n}.mp4", 10**7, f"e{n}")
        for n in range(32)
    )
    configs = ClipsConfig(), ShardsConfig(), SourcesConfig()
    return BundleTask("/none", "000000", "f" * 64, sources, *configs, "c" * 16)


if __name__ == "__main__":
    sys.exit(main())
