"""A million sources: listed, planned, planned again; and a finished build of them looked through.

    .venv/bin/python -m benchmarks.plan_million [--sources N] [--folder DIR]

The listing is a Parquet table of URLs with sizes, as a crawl leaves one. The bundles are committed
without a decoder: real records, real rows (one clip a video), and sparse files for tars. Each step
is a process of its own. Prints a table; exits 1 if a bar is missed.
"""

import argparse
import contextlib
import hashlib
import io
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.stub_bundles import commit_stub
from configs.runs import ShardsJob
from pipeline.console import say
from pipeline.listing.build import list_sources
from pipeline.tasks.closing import conclude
from pipeline.tasks.plan import plan_bundles
from pipeline.tasks.planfile import load_plan, save_plan
from pipeline.tasks.survey import survey
from pipeline.tasks.tasklist import TaskList
from shards.commit import DONE
from shards.fold import fold
from shards.manifest import Manifest

PLAN_S, PLAN_MIB = 60.0, 2048.0
RERUN_S = 5.0
GROWTH_MIB = 64.0
"""By how much the driver may grow while it hands out every task of the plan."""

MIB = 2**20

_cpu_s = [0.0]
"""CPU time of this process when the last step ended."""


def main() -> int:
    """Run all steps; return the exit code."""
    parser = argparse.ArgumentParser(description="Plan, survey and rerun with many sources.")
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument("--folder", default="", help="where to work (default: a temporary one)")
    arguments = parser.parse_args()
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="plan-million-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _measure(folder, arguments.sources)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder)


def _measure(folder: Path, num_sources: int) -> int:
    listing, out = folder / "listing.parquet", folder / "out"
    _write_listing(listing, num_sources)
    job = ShardsJob.model_validate(
        {"sources": {"path": str(listing)}, "shards": {"out": str(out), "max_reject": 1.0}}
    )
    say(f"{num_sources} sources")
    say(f"{'step':<24}{'s':>7}{'CPU s':>7}{'peak MiB':>10}  notes")
    return 0 if _in_fork(first_run, job) and _in_fork(later_runs, job) else 1


def _write_listing(path: Path, num_sources: int) -> None:
    ids = [hashlib.sha1(str(number).encode()).hexdigest()[:11] for number in range(num_sources)]
    table = {
        "id": ids,
        "video": [f"s3://bucket/videos/{name[:2]}/{name}.mp4" for name in ids],
        "captions": [f"s3://bucket/captions/{name[:2]}/{name}.json3" for name in ids],
        "bytes": [5_000_000 + int(name[:6], 16) for name in ids],
        "stamp": [f'"{name}-etag"' for name in ids],
        "task": [f"task {int(name[:4], 16) % 23611}" for name in ids],
    }
    pq.write_table(pa.table(table), path)


def first_run(job: ShardsJob) -> bool:
    """List, plan, keep the plan."""
    start = time.monotonic()
    listing = list_sources(job.sources)
    listed_s = time.monotonic() - start
    plan, tasks = plan_bundles(job, job.shards.out, listing.sources)
    Path(job.shards.out).mkdir()
    save_plan(job.shards.out, plan)
    total_s = time.monotonic() - start
    size = sum(path.stat().st_size for path in Path(job.shards.out).glob("plan*"))
    note = f"listing {listed_s:.1f} s; {len(tasks)} bundles, on disk {size / MIB:.0f} MiB"
    return _show("list and plan", total_s, note, total_s < PLAN_S and _peak_mib() < PLAN_MIB)


def later_runs(job: ShardsJob) -> bool:
    """Plan over the plan that stands, hand out all tasks, commit, fold; and the same again."""
    out = job.shards.out
    listing = list_sources(job.sources)
    _cpu_s[0] = time.process_time()
    start = time.monotonic()
    plan, tasks = plan_bundles(job, out, listing.sources, load_plan(out))
    save_plan(out, plan)
    listing.sources.clear()
    passed = [_show("plan again", time.monotonic() - start, "without the listing", True)]
    passed.append(_hand_out(tasks))
    start = time.monotonic()
    (Path(out) / DONE).mkdir()
    num_bytes = sum(commit_stub(tasks[index]) for index in range(len(tasks)))
    note = f"without a decoder: records and rows {num_bytes / MIB:.0f} MiB"
    passed.append(_show("commit all", time.monotonic() - start, note, True))
    start = time.monotonic()
    found = survey(out, tasks, [], retry_rejects=False)
    assert not found.to_build
    assert not found.is_current
    passed.append(_show("survey of records", time.monotonic() - start, "", True))
    start = time.monotonic()
    fold(out, tasks.bundles)
    passed.append(_show("fold", time.monotonic() - start, f"{tasks.num_sources} rows", True))
    return all([*passed, _rerun(job, tasks)])


def _hand_out(tasks: TaskList) -> bool:
    """Make every task as the driver does, one at a time, and watch what it holds on to."""
    start, before = time.monotonic(), _rss_mib()
    made = sum(len(tasks[index].sources) for index in range(len(tasks)))
    assert made == tasks.num_sources
    growth = _rss_mib() - before
    note = f"the driver grew by {growth:.0f} MiB"
    return _show("hand out all tasks", time.monotonic() - start, note, growth < GROWTH_MIB)


def _rerun(job: ShardsJob, tasks: TaskList) -> bool:
    """What the same command does on a finished build once it has planned."""
    stamps = _stamps(Path(job.shards.out))
    start = time.monotonic()
    found = survey(job.shards.out, tasks, [], retry_rejects=False)
    assert found.is_current
    with contextlib.redirect_stdout(io.StringIO()):
        conclude(Manifest.load(job.shards.out), 0, 1.0)
    rerun_s = time.monotonic() - start
    is_untouched = _stamps(Path(job.shards.out)) == stamps
    note = f"{'nothing' if is_untouched else 'SOMETHING'} written"
    return _show("rerun, once planned", rerun_s, note, is_untouched and rerun_s < RERUN_S)


def _stamps(out: Path) -> int:
    """Return a hash of the names and times of all files."""
    stamps = ((entry.path, entry.stat().st_mtime_ns) for folder in (out, out / DONE)
              for entry in os.scandir(folder))  # fmt: skip
    return hash(frozenset(stamps))


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_fork(step: Callable[[ShardsJob], bool], job: ShardsJob) -> bool:
    """Run steps in a fork, so that their peak of memory is theirs; return whether all passed."""
    if not (child := os.fork()):
        try:
            os._exit(0 if step(job) else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _show(name: str, seconds: float, note: str, passed: bool) -> bool:
    verdict = "" if passed else "  BAR MISSED"
    cpu_s = time.process_time() - _cpu_s[0]
    _cpu_s[0] = time.process_time()
    say(f"{name:<24}{seconds:>7.1f}{cpu_s:>7.1f}{_peak_mib():>10.0f}  {note}{verdict}")
    sys.stdout.flush()
    return passed


if __name__ == "__main__":
    sys.exit(main())
