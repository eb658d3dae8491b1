"""The section on the sources: what they are made of, what is odd about them, which are twins."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipeline.reports.codes import meaning_of
from pipeline.reports.plots import C2, C3, distribution
from shards.manifest import Manifest

MAX_KINDS = 10
MAX_TWINS = 12
TOLD = ("W_OPENGOP", "W_VFR", "W_EDITLIST", "W_STARTTIME", "W_ROT", "W_INTERLACED", "W_HDR")
"""Flags of the picture whose share is told also where it is zero."""

TOP_FPS = 64.0
SHORT_SIDES = (240, 360, 480, 720, 1080, 1440, 2160)


@dataclass(frozen=True, slots=True)
class Kind:
    """How many sources are of a kind, and their share of those of which it is known."""

    label: str
    count: int
    share: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class SourcesSection:
    """What the sources of the bundles are.

    `num_opened` of them were opened: nobody looks into one without narration, and some are torn.
    """

    num_sources: int = 0
    num_opened: int = 0
    hours: float = 0.0
    num_bytes: int = 0
    codecs: list[Kind] = field(default_factory=list)
    sizes: list[Kind] = field(default_factory=list)
    formats: list[Kind] = field(default_factory=list)
    languages: list[Kind] = field(default_factory=list)
    flags: list[Kind] = field(default_factory=list)
    charts: list[Markup] = field(default_factory=list)
    twins: list[list[str]] = field(default_factory=list)
    num_twin_groups: int = 0


def sources_section(manifest: Manifest) -> SourcesSection:
    """Count the rows of videos.parquet."""
    videos = manifest.videos()
    opened = videos.filter(pc.field("codec") != "")
    groups = _twins(videos)
    return SourcesSection(
        num_sources=videos.num_rows,
        num_opened=opened.num_rows,
        hours=(pc.sum(opened["duration_s"]).as_py() or 0.0) / 3600,
        num_bytes=pc.sum(videos["bytes"]).as_py() or 0,
        codecs=_kinds(_counted(opened["codec"])),
        sizes=_kinds(Counter(map(_size, _short_sides(opened)))),
        formats=_kinds(_counted(videos["caption_format"])),
        languages=_kinds(_counted(videos["lang"])),
        flags=_flags(opened),
        charts=_charts(opened),
        twins=groups[:MAX_TWINS],
        num_twin_groups=len(groups),
    )


def _counted(column: pa.ChunkedArray) -> Counter[str]:
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()})


def _kinds(counts: Counter[str]) -> list[Kind]:
    """Return the most frequent kinds; what is not known counts for no share."""
    known = Counter({label: count for label, count in counts.items() if label})
    total = known.total()
    return [
        Kind(label, count, count / total)
        for label, count in sorted(known.items(), key=lambda item: (-item[1], item[0]))[:MAX_KINDS]
    ]


def _short_sides(opened: pa.Table) -> list[int]:
    pairs = zip(opened["width"].to_pylist(), opened["height"].to_pylist(), strict=True)
    return [min(width or 0, height or 0) for width, height in pairs]


def _size(short_side: int) -> str:
    if not short_side:
        return ""
    below = next((side for side in SHORT_SIDES if short_side <= side), None)
    return f"up to {below}p" if below else f"above {SHORT_SIDES[-1]}p"


def _flags(opened: pa.Table) -> list[Kind]:
    counts: Counter[str] = Counter(dict.fromkeys(TOLD, 0))
    for text, count in _counted(opened["flags"]).items():
        counts.update(dict.fromkeys(json.loads(text or "[]"), count))
    total = max(1, opened.num_rows)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Kind(flag, count, count / total, meaning_of(flag)) for flag, count in ranked]


def _charts(opened: pa.Table) -> list[Markup]:
    rates = [rate for rate in opened["fps"].to_pylist() if rate]
    minutes = [seconds / 60 for seconds in opened["duration_s"].to_pylist() if seconds]
    charts = []
    if rates:
        title = "Sources by frames a second"
        charts.append(distribution("fps", title, rates, "frames a second", C2, top=TOP_FPS))
    if minutes:
        title, top = "Sources by length", _round_top(max(minutes))
        charts.append(distribution("length", title, minutes, "minutes", C3, top=top))
    return charts


def _round_top(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 ... above a value."""
    size = 1.0
    while True:
        for step in (1, 2, 5):
            if value <= step * size:
                return step * size
        size *= 10


def _twins(videos: pa.Table) -> list[list[str]]:
    """Return the ids of sources that have the same bytes, the largest groups first."""
    has_twin = pc.match_substring(videos["flags"], '"W_DUPBYTES"')
    rows: list[dict[str, Any]] = videos.filter(has_twin).select(["video_id", "sha256"]).to_pylist()
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        groups[row["sha256"]].append(row["video_id"])
    return sorted(groups.values(), key=lambda ids: (-len(ids), ids))
