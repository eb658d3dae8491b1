"""`weakvid status`: how far a build or a run is. Reads files only, also while it goes on."""

import json
import math
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from pipeline.console import say
from pipeline.launching.find import NAME, LaunchedJob, attempts_of
from pipeline.launching.reach import named_address, reach
from pipeline.reports.codes import reject_meaning
from pipeline.reports.runfacts import run_facts
from pipeline.reports.runstatus import run_lines
from pipeline.reports.text import duration, num_bytes, number
from pipeline.tasks.planfile import PLAN
from pipeline.tasks.standing import Standing, read_standing
from shards import storage
from shards.manifest import MANIFEST, Manifest
from shards.paths import any_path

EXIT_OK = 0
CONFIG, ROOT = "config.yaml", "runs"
NUM_CODES = 8
NUM_UNDER_WAY = 6
QUIET_S = 120.0
"""A driver on another machine that left no sign for so long may be gone."""


def run(
    what: str, *, as_json: bool = False, address: str = "", insecure_local: bool = False
) -> int:
    """Print the state of shards or of a run, and of the job that makes it; return the exit code.

    Args:
        what: A folder or URL, or the name of a run or of a job.
        as_json: Whether to print one object instead of lines.
        address: Of a cluster whose job of this name is asked for too; empty: no cluster is asked.
        insecure_local: Whether a cluster without a token will do.

    Raises:
        ValueError: If there is no such thing, or the cluster cannot be reached.
    """
    job = _job(what, address, insecure_local=insecure_local) if address else None
    folder = _folder(what, job)
    if folder is None and job is None:
        raise ValueError(
            f"status needs a folder of shards ({PLAN}) or of a run ({CONFIG}), or a run's name in "
            f"{ROOT}/, got {what!r}; a job on a cluster is asked for with --address"
        )
    if as_json:
        facts = {} if folder is None else _facts(folder)
        say(json.dumps(_plain(facts | ({"job": asdict(job)} if job else {})), indent=1))
        return EXIT_OK
    lines = [_job_line(job)] if job else []
    if folder is not None:
        lines += _build_lines(folder) if _is_build(folder) else run_lines(any_path(folder))
    elif job:
        lines.append(f"folder    {job.folder or 'not known'}: not seen from this machine")
    say("\n".join(lines))
    return EXIT_OK


def _job(what: str, address: str, *, insecure_local: bool) -> LaunchedJob | None:
    """Return the newest job of this name, or of the last part of this folder."""
    client = reach(named_address(address), insecure_local=insecure_local)
    jobs = attempts_of(what, client) or attempts_of(what.rstrip("/").rpartition("/")[2], client)
    return jobs[-1] if jobs else None


def _folder(what: str, job: LaunchedJob | None) -> str | None:
    """Return the folder that is meant, None where this machine sees none."""
    tried = [what, *([job.folder] if job and job.folder else [])]
    if NAME.fullmatch(what):
        tried.append(f"{ROOT}/{what}")
    return next((one for one in tried if _is_build(one) or _is_run(one)), None)


def _is_build(folder: str) -> bool:
    return storage.exists(storage.join(folder, PLAN))


def _is_run(folder: str) -> bool:
    return storage.exists(storage.join(folder, CONFIG))


def _job_line(job: LaunchedJob) -> str:
    ended = "" if job.exit_code is None else f", exit code {job.exit_code}"
    since_s = (job.ended_s or time.time()) - job.started_s if job.started_s else None
    took = "" if since_s is None else f", {'took' if job.ended_s else 'for'} {duration(since_s)}"
    return f"job       {job.submission_id} ({job.verb}): {job.status.lower()}{ended}{took}"


def _facts(folder: str) -> dict[str, Any]:
    if not _is_build(folder):
        return run_facts(any_path(folder))
    standing = read_standing(folder)
    return {"what": "shards", "folder": folder, "eta_s": standing.eta_s, **asdict(standing)}


def _plain(value: Any) -> Any:
    """Return the value without what is no JSON: NaN and infinity are not known."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _build_lines(out: str) -> list[str]:
    standing = read_standing(out)
    about = "about " if standing.is_estimate else ""
    clips = sum(counts.clips for counts in standing.under_way.values())
    rejects = sum(counts.rejects for counts in standing.under_way.values())
    lines = [
        f"shards    {out}: {_stage_text(standing)}",
        f"driver    {_driver_text(standing)}",
        f"bundles   {number(standing.num_committed)} of {number(standing.num_bundles)} committed",
        f"videos    {about}{number(standing.num_done)} of {number(standing.num_videos)} done",
        f"clips     {about}{number(standing.clips)} committed, {number(clips)} under way",
    ]
    if standing.videos_per_s:
        lines.append(f"rate      {_rate_text(standing)}")
    lines += [f"working   {line}" for line in _under_way(standing)]
    if standing.stage == "complete" and storage.exists(storage.join(out, MANIFEST)):
        # The manifest also counts what is in no bundle.
        totals = Manifest.load(out).totals
        return [
            *lines,
            f"rejects   {number(totals['rejects'])}",
            *_code_lines(Counter(totals["codes"])),
            f"tars      {number(totals['shards'])}, {num_bytes(totals['bytes'])}; planned "
            f"{totals['planned']} = written {totals['written']} + rejected {totals['rejected']}",
        ]
    return [
        *lines,
        f"rejects   {about}{number(standing.rejects)} committed, {number(rejects)} under way",
        *_code_lines(standing.codes),
    ]


def _code_lines(codes: Counter[str]) -> list[str]:
    return [
        f"          {code:<13} {number(count):>7}  {reject_meaning(code)}"
        for code, count in codes.most_common(NUM_CODES)
    ]


def _stage_text(standing: Standing) -> str:
    match standing.stage:
        case "complete":
            return "complete"
        case "building":
            return "not complete, a driver is building"
        case "folding":
            return "not complete, all bundles are committed and the manifest is being written"
        case "stopped":
            return "not complete, nobody is building; the same command goes on"
        case "away":
            return "not complete, its driver is on another machine"


def _driver_text(standing: Standing) -> str:
    holder = standing.holder
    if holder is None:
        return "none"
    quiet_s = standing.quiet_s
    match holder.state:
        case "alive":
            since = standing.elapsed_s
            return holder.name + (f", for {duration(since)}" if since is not None else "")
        case "gone":
            return f"none; the last one was {holder.name}"
        case "away" if quiet_s is not None:
            late = ": it may be gone" if quiet_s > QUIET_S else ""
            return f"{holder.name}, last sign of life {duration(quiet_s)} ago{late}"
        case _:
            return holder.name


def _rate_text(standing: Standing) -> str:
    clips = number(standing.clips_per_s) if standing.clips_per_s else "0"
    text = f"{number(standing.videos_per_s)} videos/s, {clips} clips/s"
    return text + (f", {duration(standing.eta_s)} to go" if standing.eta_s is not None else "")


def _under_way(standing: Standing) -> list[str]:
    """Return a line for each bundle that is being built."""
    lines = [
        f"bundle {bundle}: {number(counts.videos)} videos, {number(counts.clips)} clips"
        + (f", now {counts.source}" if counts.source else "")
        for bundle, counts in standing.under_way.items()
    ]
    more = len(lines) - NUM_UNDER_WAY
    return lines[:NUM_UNDER_WAY] + ([f"and {more} more bundles"] if more > 0 else [])
