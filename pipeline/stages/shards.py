"""`weakvid shards`: a folder of narrated videos -> committed shards."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm_loggable.auto import tqdm

from configs.runs import ShardsJob
from pipeline.console import say
from pipeline.listing.build import list_sources
from pipeline.listing.source import Listing
from pipeline.tasks.bundle import BundleTask
from pipeline.tasks.lock import hold_output
from pipeline.tasks.plan import Generation, plan_bundles, save_plan
from pipeline.tasks.progress import read_counts
from pipeline.tasks.recorded import save_settings
from shards import storage
from shards.commit import (
    BundleRecord,
    committed_bundles,
    read_record,
    retire_bundle,
    sweep_uncommitted,
)
from shards.fold import fold
from shards.manifest import SUCCESS, Manifest, load_rejects

logger = logging.getLogger(__name__)

EXIT_OK, EXIT_TOO_MANY_REJECTS, EXIT_INTERRUPTED, EXIT_DRAINED = 0, 3, 130, 143
NUM_TOP_CODES = 8


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do in an output folder."""

    out: str
    listing: Listing
    generations: list[Generation]
    tasks: list[BundleTask]
    to_build: list[BundleTask]
    to_retire: list[str]


def run(job: ShardsJob) -> int:
    """Build what is not committed yet; return the exit code.

    Raises:
        ValueError: If the source folder or the output folder cannot be used.
        RuntimeError: If a bundle failed, or the books do not close.
    """
    out, listing = _inputs(job)
    with hold_output(out):
        # Not before: until it let go of the folder, another driver may have moved the plan.
        work = _survey(job, out, listing)
        storage.sweep_temporary(work.out)
        for bundle in work.to_retire:
            retire_bundle(work.out, bundle)
        if work.to_build:
            storage.delete(storage.join(work.out, SUCCESS))
        save_plan(work.out, work.generations, work.tasks)
        save_settings(work.out, job)
        if work.to_build and (code := _build(job, work)) != EXIT_OK:
            return code
        storage.sweep_temporary(work.out)
        sweep_uncommitted(work.out)
        return _conclude(job, work, _fold(work))


def plan_text(job: ShardsJob) -> str:
    """Return what `run` would do, as text. Touches nothing.

    Raises:
        ValueError: If the source folder cannot be used.
    """
    work = _survey(job, *_inputs(job))
    num_bytes = sum(task.num_bytes for task in work.tasks)
    num_videos = sum(len(task.sources) for task in work.to_build)
    codes = Counter(row["code"] for row in work.listing.rejects)
    lines = [
        f"source    {Path(job.sources.path).absolute()}: {len(work.listing.sources)} videos with "
        f"captions, {num_bytes / 2**20:.1f} MiB",
        f"rejects   {_codes_text(codes) or 'none'} (before anything is opened)",
        f"bundles   {len(work.tasks)}: {len(work.tasks) - len(work.to_build)} committed, "
        f"{len(work.to_build)} to build ({num_videos} videos)",
        f"clips     {job.clips.num_frames} frames at {job.clips.fps} fps, short side "
        f"{job.clips.short_side} px, {job.clips.policy}",
        f"output    {work.out}",
    ]
    return "\n".join(lines)


def _inputs(job: ShardsJob) -> tuple[str, Listing]:
    if not job.shards.out:
        raise ValueError("shards.out must name the output folder, got nothing")
    out = str(storage.local_path(job.shards.out).absolute())
    return out, list_sources(job.sources)


def _survey(job: ShardsJob, out: str, listing: Listing) -> _Work:
    generations, tasks = plan_bundles(job, out, listing.sources)
    to_build = [task for task in tasks if not _is_committed(task, job.shards.retry_rejects)]
    keep = {task.bundle for task in tasks} - {task.bundle for task in to_build}
    to_retire = [bundle for bundle in committed_bundles(out) if bundle not in keep]
    return _Work(out, listing, generations, tasks, to_build, to_retire)


def _is_committed(task: BundleTask, retry_rejects: bool) -> bool:
    record = read_record(task.out, task.bundle)
    if record is None or record.fingerprint != task.fingerprint:
        return False
    if retry_rejects and any(row["t0_s"] is None for row in record.rejects):
        return False
    return _has_its_tars(task.out, record)


def _has_its_tars(out: str, record: BundleRecord) -> bool:
    paths = [(storage.join(out, part.name), part.bytes) for part in record.parts]
    return all(storage.exists(path) and storage.size_of(path) == size for path, size in paths)


def _build(job: ShardsJob, work: _Work) -> int:
    # Ray takes a second to import: not for a run that has nothing to build.
    from pipeline.tasks.run import Drained, ray_session, run_bundles

    num_videos = sum(len(task.sources) for task in work.tasks)
    building = {task.bundle: len(task.sources) for task in work.to_build}
    num_before = num_videos - sum(building.values())
    with tqdm(total=num_videos, initial=num_before, unit="video", desc="shards") as bar:

        def show(running: set[str], done: set[str]) -> None:
            counts = read_counts(work.out, running | done)
            bar.update(num_before + counts.videos - bar.n)
            elapsed_s = max(1e-6, bar.format_dict["elapsed"])
            bar.set_postfix_str(
                f"{counts.clips} clips, {counts.clips / elapsed_s:.1f} clips/s, "
                f"{counts.rejects} rejects"
            )

        try:
            with ray_session(job.ray):
                run_bundles(work.to_build, job.shards.attempts, show)
        except Drained as drained:
            logger.warning("drained after SIGTERM: %s; the same command goes on", drained)
            return EXIT_DRAINED
        except KeyboardInterrupt:
            logger.warning("interrupted; the same command goes on with what is not committed")
            return EXIT_INTERRUPTED
    return EXIT_OK


def _fold(work: _Work) -> Manifest:
    try:
        return fold(work.out, [task.bundle for task in work.tasks], work.listing.rejects)
    except ValueError as error:
        # To the command line a ValueError is bad input; here it is ours.
        raise RuntimeError(f"the manifest of {work.out} cannot be made: {error}") from error


def _conclude(job: ShardsJob, work: _Work, manifest: Manifest) -> int:
    totals = manifest.totals
    num_listed = len(work.listing.sources) + sum(
        row["code"] != "E_CAPNOVIDEO" for row in work.listing.rejects
    )
    num_rejected = num_listed - totals["videos_written"]
    say(
        f"clips     planned {totals['planned']} = written {totals['written']} + "
        f"rejected {totals['rejected']}"
    )
    say(
        f"videos    {num_listed} listed: {totals['videos_written']} gave clips, "
        f"{num_rejected} are rejected"
    )
    say(f"rejects   {_codes_text(totals['codes']) or 'none'}")
    say(f"bundles   {len(work.to_build)} built, {len(work.tasks) - len(work.to_build)} skipped")
    say(f"shards    {totals['shards']} tars, {totals['bytes'] / 2**20:.1f} MiB in {work.out}")
    for row in _first_rejects(load_rejects(work.out)):
        logger.info("%s %s: %s", row["code"], row["source"], row["detail"])
    if num_rejected > job.shards.max_reject * num_listed:
        logger.error(
            "%d of %d videos are rejected, more than shards.max_reject allows (%.2f); see %s",
            num_rejected,
            num_listed,
            job.shards.max_reject,
            storage.join(work.out, "rejects.jsonl"),
        )
        return EXIT_TOO_MANY_REJECTS
    return EXIT_OK


def _codes_text(codes: dict[str, int] | Counter[str]) -> str:
    top = Counter(codes).most_common(NUM_TOP_CODES)
    return ", ".join(f"{code} {count}" for code, count in top)


def _first_rejects(rejects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rejects if row["t0_s"] is None][:NUM_TOP_CODES]
