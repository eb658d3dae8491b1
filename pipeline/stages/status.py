"""`weakvid status`: how far a build or a run is. Reads files only, also while it goes on."""

from collections import Counter
from pathlib import Path

from pipeline.console import say
from pipeline.reports.codes import reject_meaning
from pipeline.reports.runstatus import run_lines
from pipeline.reports.text import duration, num_bytes, number
from pipeline.tasks.planfile import PLAN
from pipeline.tasks.standing import Standing, read_standing
from shards import storage
from shards.manifest import MANIFEST, Manifest

EXIT_OK = 0
NUM_CODES = 8
NUM_UNDER_WAY = 6
QUIET_S = 120.0
"""A driver on another machine that left no sign for so long may be gone."""


def run(folder: str) -> int:
    """Print the state of an output folder of shards or of a run folder; return the exit code.

    Raises:
        ValueError: If it is neither.
    """
    if storage.exists(storage.join(folder, PLAN)):
        say("\n".join(_build_lines(folder)))
    elif storage.exists(storage.join(folder, "config.yaml")):
        say("\n".join(run_lines(Path(folder))))
    else:
        raise ValueError(
            f"status needs a folder of shards ({PLAN}) or of a run (config.yaml), got {folder!r}"
        )
    return EXIT_OK


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
