"""`weakvid shards`: narrated videos -> committed shards."""

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

from configs.runs import ShardsJob
from pipeline.listing.build import CACHE, list_sources
from pipeline.listing.source import Listing
from pipeline.tasks.building import EXIT_OK, build
from pipeline.tasks.closing import codes_text, conclude
from pipeline.tasks.costs import note_estimate
from pipeline.tasks.estimate import estimate, estimate_text
from pipeline.tasks.lock import hold_output
from pipeline.tasks.narration import with_transcripts
from pipeline.tasks.plan import Plan, plan_bundles
from pipeline.tasks.planfile import PLAN, load_plan, save_plan
from pipeline.tasks.quarantine import forget_quarantine
from pipeline.tasks.recorded import save_settings
from pipeline.tasks.removed import load_removed, without_removed
from pipeline.tasks.survey import Survey, survey
from pipeline.tasks.takedown import TRANSCRIPTS, plan_takedown, take_down, takedown_text
from pipeline.tasks.tasklist import TaskList
from shards import storage
from shards.commit import retire_bundle, sweep_uncommitted
from shards.fold import fold
from shards.manifest import Manifest
from shards.state import begin_build

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do in an output folder. The listing itself is let go of: it is large."""

    out: str
    rejects: list[dict[str, Any]]
    plan: Plan
    tasks: TaskList
    found: Survey


def run(job: ShardsJob) -> int:
    """Build what is not committed yet; return the exit code.

    Raises:
        ValueError: If the source folder or the output folder cannot be used.
        RuntimeError: If a bundle failed, or the books do not close.
    """
    out = _output(job)
    storage.use_scratch(job.shards.scratch)
    if job.remove:
        return _remove(job, out)
    listings = [list_sources(job.sources, storage.join(out, CACHE))]
    for notice in listings[0].notices:
        logger.warning("%s", notice)
    with hold_output(out):
        # What was taken down is neither transcribed nor planned.
        listings[0] = without_removed(listings[0], load_removed(out))
        if job.asr.enabled and (code := _transcribe(job, out, listings[0])) != EXIT_OK:
            return code
        # Not before: until it let go of the folder, another driver may have moved the plan.
        work = _survey(job, out, listings.pop())
        if work.found.is_current:
            save_settings(out, job)
            return conclude(Manifest.load(out), 0, job.shards.max_reject)
        _prepare(job, work)
        if work.found.to_build:
            note_estimate(out, work.plan.identity(), lambda: estimate(job, work.tasks))
            code = build(work.found.to_build, work.tasks.num_sources, job.ray)
            if code != EXIT_OK:
                return code
        storage.sweep_temporary(out)
        sweep_uncommitted(out)
        return conclude(_fold(work), len(work.found.to_build), job.shards.max_reject)


def plan_text(job: ShardsJob) -> str:
    """Return what `run` would do, as text. Touches nothing.

    Raises:
        ValueError: If the source folder cannot be used.
    """
    if job.remove:
        return takedown_text(plan_takedown(_output(job), job.remove))
    out = _output(job)
    work = _survey(job, out, without_removed(list_sources(job.sources), load_removed(out)))
    tasks, to_build = work.tasks, work.found.to_build
    codes = Counter(row["code"] for row in work.rejects)
    lines = [
        f"source    {storage.absolute(job.sources.path)}: {tasks.num_sources} videos, "
        f"{tasks.num_bytes.sum() / 2**20:.1f} MiB",
        f"rejects   {codes_text(codes) or 'none'} (before anything is opened)",
        f"bundles   {len(tasks)}: {len(tasks) - len(to_build)} committed, "
        f"{len(to_build)} to build ({to_build.num_sources} videos)",
        f"clips     {job.clips.num_frames} frames at {job.clips.fps} fps, short side "
        f"{job.clips.short_side} px, {job.clips.policy}",
        *(estimate_text(estimate(job, tasks), job.ray.cpus) if len(tasks) else []),
        f"output    {work.out}",
    ]
    return "\n".join(lines)


def _remove(job: ShardsJob, out: str) -> int:
    if not storage.exists(storage.join(out, PLAN)):
        raise ValueError(f"--remove needs a folder with shards in shards.out, got {out!r}")
    with hold_output(out):
        manifest = take_down(plan_takedown(out, job.remove))
    return EXIT_OK if manifest is None else conclude(manifest, 0, max_reject=1.0)


def _output(job: ShardsJob) -> str:
    if not job.shards.out:
        raise ValueError("shards.out must name the output folder, got nothing")
    return storage.absolute(job.shards.out)


def _survey(job: ShardsJob, out: str, listing: Listing) -> _Work:
    sources = with_transcripts(listing.sources, _transcripts(job, out))
    plan, tasks = plan_bundles(job, out, sources, load_plan(out))
    found = survey(out, tasks, listing.rejects, retry_rejects=job.shards.retry_rejects)
    return _Work(out, listing.rejects, plan, tasks, found)


def _transcripts(job: ShardsJob, out: str) -> str:
    return job.sources.transcripts or storage.join(out, TRANSCRIPTS)


def _transcribe(job: ShardsJob, out: str, listing: Listing) -> int:
    """Run the `asr` stage on the sources without captions first."""
    from pipeline.asr.drive import make_setup, transcribe_missing

    scratch = {"scratch": job.shards.scratch, "scratch_bytes": job.shards.scratch_bytes}
    config = job.asr.model_copy(update=scratch)
    setup = make_setup(_transcripts(job, out), config, job.sources.limits)
    return transcribe_missing(listing.sources, setup, job.ray)


def _prepare(job: ShardsJob, work: _Work) -> None:
    """Make the folder ready for what is to be built; from here on it is not complete."""
    storage.sweep_temporary(work.out)
    if job.shards.retry_rejects:
        forget_quarantine(work.out)
    begin_build(work.out, replaces=bool(work.found.to_retire))
    for bundle in work.found.to_retire:
        retire_bundle(work.out, bundle)
    save_plan(work.out, work.plan)
    save_settings(work.out, job)


def _fold(work: _Work) -> Manifest:
    try:
        return fold(work.out, work.tasks.bundles, work.rejects)
    except ValueError as error:
        # To the command line a ValueError is bad input; here it is ours.
        raise RuntimeError(f"the manifest of {work.out} cannot be made: {error}") from error
