"""500 workers and 100,000 bundles without Ray and without a decoder: what a build costs its driver.

    .venv/bin/python -m benchmarks.dispatch_scale [--workers N] [--bundles N] [--folder DIR]
        [--step build|fold|widths|all]

The planner, the driver of a build with its notes, its quarantine and its deadlines, and the fold
are the real ones. In the place of Ray and its workers stands `fake_cluster.py`: it commits real
records and rows, writes real notes, and has a clock of its own. Of its workers some die, nodes are
lost, some freeze and commit when they are long given up, and some sources kill whoever opens them.
Prints a table; exits 1 if a bar is missed.
"""

import argparse
import ctypes
import gc
import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

from benchmarks.fake_cluster import SOURCES_PER_BUNDLE, FakeCluster, is_poison, use_clock
from configs.runs import ShardsJob
from pipeline.console import say
from pipeline.listing.source import SourceFile
from pipeline.tasks import run as run_module
from pipeline.tasks.bundle import BundleCounts
from pipeline.tasks.dispatch import Dispatch
from pipeline.tasks.plan import plan_bundles
from pipeline.tasks.planfile import save_plan
from pipeline.tasks.run import run_bundles
from pipeline.tasks.tasklist import TaskList
from shards.commit import DONE, committed_bundles
from shards.fold import fold
from shards.storage import TEMPORARY

CPU_MS, CPU_GROWTH = 5.0, 1.3
"""CPU of the driver for a bundle, and that of the ninth tenth of bundles beside the second's."""

GROWTH_BYTES = 500.0
"""By how much the driver may grow a bundle."""

LEAST_BUSY = 0.9
WIDTHS = (50, 500, 5000)
BUNDLES_PER_WORKER, MOST_BUNDLES = 10, 20_000
NUM_PARTS = 10
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The driver at some time: its CPU seconds, its memory, and the clock of the workers.

    `blocks` are the pieces of memory that Python holds, which leave out what it holds in reserve.
    """

    num_done: int
    cpu_s: float
    clock_s: float
    rss_mib: float
    blocks: int

    @classmethod
    def now(cls, cluster: FakeCluster, base_s: float) -> "Sample":
        """Return how things are; CPU is counted from `base_s`, without that of the workers."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        cpu_s = time.process_time() - base_s - cluster.cpu_s
        rss_mib = pages * resource.getpagesize() / MIB
        return cls(cluster.committed, cpu_s, cluster.clock.now, rss_mib, sys.getallocatedblocks())


def main() -> int:
    """Run the steps asked for; return the exit code."""
    parser = argparse.ArgumentParser(description="A build with very many bundles and workers.")
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--bundles", type=int, default=100_000)
    parser.add_argument("--folder", default="", help="where to work (default: a temporary one)")
    parser.add_argument("--step", choices=("build", "fold", "widths", "all"), default="all")
    asked = parser.parse_args()
    folder = Path(asked.folder or tempfile.mkdtemp(prefix="dispatch-scale-"))
    passed = []
    try:
        if asked.step in ("build", "all"):
            passed.append(_in_fork(lambda: build(folder, asked.bundles, asked.workers)))
        if asked.step in ("fold", "all"):
            passed.append(_in_fork(lambda: fold_all(folder)))
        if asked.step in ("widths", "all"):
            passed += [_in_fork(lambda n=n: width(folder / f"w{n}", n)) for n in WIDTHS]
    finally:
        if not asked.folder:
            shutil.rmtree(folder)
    return 0 if all(passed) else 1


def build(folder: Path, num_bundles: int, num_workers: int) -> bool:
    """Build all bundles on fake workers; print each tenth."""
    tasks = _plan(folder, num_bundles)
    say(f"{len(tasks)} bundles of {tasks.num_sources} sources on {num_workers} workers")
    say(f"{'bundles':>9}{'CPU ms each':>13}{'RSS MiB':>9}{'blocks':>10}{'bundles/s':>11}")
    cluster = FakeCluster(num_workers)
    samples = _watched(tasks, cluster, NUM_PARTS)
    costs = [_show(before, after) for before, after in pairwise(samples)]
    first, last = samples[1], samples[-1]
    growth = MIB * (last.rss_mib - first.rss_mib) / (last.num_done - first.num_done)
    busy = cluster.busy_s / (num_workers * (last.clock_s - samples[0].clock_s))
    say(
        f"in all {1000 * last.cpu_s / last.num_done:.2f} ms of CPU a bundle; after the first tenth "
        f"{growth:.0f} bytes a bundle; workers busy {busy:.0%}; what happened: "
        f"{dict(cluster.happened)}, {cluster.late} late commits that changed nothing"
    )
    is_once = cluster.committed == len(tasks) == len(committed_bundles(tasks.out))
    is_clean = not list((Path(tasks.out) / TEMPORARY).glob("*.progress"))
    say(f"each bundle committed once: {is_once}; notes left: {not is_clean}")
    is_flat = costs[-2] < CPU_GROWTH * costs[1] and growth < GROWTH_BYTES
    return is_once and is_clean and is_flat and max(costs) < CPU_MS and busy > LEAST_BUSY


def width(folder: Path, num_workers: int) -> bool:
    """Build ten bundles a worker, of very many workers fewer; print what each costs."""
    tasks = _plan(folder, min(BUNDLES_PER_WORKER * num_workers, MOST_BUNDLES))
    cluster = FakeCluster(num_workers)
    before, after = _watched(tasks, cluster, 1)
    cost = 1000 * (after.cpu_s - before.cpu_s) / len(tasks)
    rate = len(tasks) / (after.clock_s - before.clock_s)
    say(
        f"{num_workers:>5} workers, {2 * num_workers} in flight, {len(tasks)} bundles: "
        f"{cost:.2f} ms of CPU a bundle, {rate:.1f} bundles/s"
    )
    return cost < CPU_MS and cluster.committed == len(tasks)


def fold_all(folder: Path) -> bool:
    """Fold what `build` committed."""
    out = str(folder / "out")
    bundles = committed_bundles(out)
    start, cpu_s = time.monotonic(), time.process_time()
    manifest = fold(out, bundles)
    cpu_s = time.process_time() - cpu_s
    totals = manifest.totals
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(
        f"fold of {len(bundles)} bundles: {time.monotonic() - start:.0f} s, {cpu_s:.0f} CPU s "
        f"({1000 * cpu_s / len(bundles):.2f} ms a bundle), peak {peak:.0f} MiB; "
        f"{totals['planned']} planned = {totals['written']} written + {totals['rejected']} "
        f"rejected; {totals['videos_rejected']} videos rejected"
    )
    num_poison = sum(map(is_poison, manifest.videos()["video_id"].to_pylist()))
    return totals["videos_rejected"] == num_poison


def _plan(folder: Path, num_bundles: int) -> TaskList:
    out = folder / "out"
    (out / DONE).mkdir(parents=True)
    job = ShardsJob.model_validate(
        {
            "sources": {"path": str(folder)},
            "shards": {"out": str(out), "sources_per_bundle": SOURCES_PER_BUNDLE},
        }
    )
    sources = [_source(number) for number in range(num_bundles * SOURCES_PER_BUNDLE)]
    plan, tasks = plan_bundles(job, str(out), sources)
    save_plan(str(out), plan)
    return tasks.largest_first()


def _source(number: int) -> SourceFile:
    name = hashlib.sha1(str(number).encode()).hexdigest()[:11]
    return SourceFile(name, f"s3://b/{name}.mp4", f"s3://b/{name}.json3", f"{name}.mp4", 9, name)


def _watched(tasks: TaskList, cluster: FakeCluster, num_parts: int) -> list[Sample]:
    """Build, and return samples before, between and after so many parts."""
    use_clock(cluster.clock)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    base_s = time.process_time()
    samples = [Sample.now(cluster, base_s)]

    def look(counts: BundleCounts) -> None:
        if cluster.committed >= len(tasks) * len(samples) / num_parts and len(samples) < num_parts:
            samples.append(Sample.now(cluster, base_s))

    with patch.object(run_module, "Dispatch", lambda tasks: Dispatch(tasks, cluster)):
        run_bundles(tasks, look)
    return [*samples, Sample.now(cluster, base_s)]


def _show(before: Sample, after: Sample) -> float:
    """Print what lies between two samples; return milliseconds of CPU a bundle."""
    num_done = after.num_done - before.num_done
    cost = 1000 * (after.cpu_s - before.cpu_s) / num_done
    rate = num_done / (after.clock_s - before.clock_s)
    say(f"{after.num_done:>9}{cost:>13.2f}{after.rss_mib:>9.0f}{after.blocks:>10}{rate:>11.1f}")
    return cost


def _in_fork(step: Callable[[], bool]) -> bool:
    """Run a step in a process of its own, whose memory is its own; return whether it passed."""
    if not (child := os.fork()):
        try:
            os._exit(0 if step() else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    sys.exit(main())
