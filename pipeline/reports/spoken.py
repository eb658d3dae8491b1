"""The section on narration: how long windows are, how near they lie, and what hints at drift.

Windows stand in the shards and not in the manifest, so they are read from some hundred clips that
the manifest draws. What flags and rejects tell is counted over all clips.
"""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipeline.reports.frames import read_clip
from pipeline.reports.plots import C1, C2, C4, distribution, histogram
from pipeline.reports.sheets import draw_rows
from pipeline.reports.sources import Kind
from shards.manifest import Manifest, iter_rejects
from shards.schema import Sample

NUM_READ = 400
FAR_S = 3.2
"""A nearest window whose centre is farther from the clip's than a clip is long says little."""

MAX_VIDEOS = 10
LEAST_CLIPS = 3
"""Clips that must show a hint before their video is named."""

LATE_S = 2.0
SPARSE_SHARE = 0.1
"""Narration that ends later, or fills less of its video, is worth a look."""

TOP_WINDOW_S, TOP_DISTANCE_S = 16.0, 8.0


@dataclass(frozen=True, slots=True)
class Hint:
    """A sign that words and pictures may not belong together."""

    what: str
    count: int
    total: int
    why: str

    @property
    def share(self) -> float:
        """Share of the clips."""
        return self.count / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Suspect:
    """A video whose narration may be another one's, and why."""

    video_id: str
    why: str


@dataclass(frozen=True, slots=True)
class SpokenSection:
    """Figures of `num_read` clips' windows, and hints over all of them."""

    num_read: int = 0
    charts: list[Markup] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    clip_flags: list[Kind] = field(default_factory=list)


def spoken_section(manifest: Manifest) -> SpokenSection:
    """Read the windows of some clips, and count the hints."""
    samples = _read(manifest)
    flags, silent = _flag_counts(manifest)
    past_end = _past_end(manifest.out)
    total = manifest.num_samples
    return SpokenSection(
        num_read=len(samples),
        charts=_charts(samples),
        hints=[*_read_hints(samples), *_counted_hints(flags, past_end, total)],
        suspects=_suspects(manifest.videos(), silent, past_end),
        clip_flags=[
            Kind(flag, count, count / max(1, total)) for flag, count in flags.most_common()
        ],
    )


def _read(manifest: Manifest) -> list[Sample]:
    rows = draw_rows(manifest, NUM_READ)
    read = (read_clip(manifest.out, row["shard"], row["offset"], row["length"]) for row in rows)
    return [sample for sample in read if sample is not None]


def _flag_counts(manifest: Manifest) -> tuple[Counter[str], Counter[str]]:
    """Return clips by flag, and the silent ones with words by video."""
    flags: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for rows in manifest.batches(["flags", "video_id", "num_windows"]):
        for row in pc.value_counts(rows["flags"]).to_pylist():
            flags.update(dict.fromkeys(json.loads(row["values"]), row["counts"]))
        is_silent = pc.match_substring(rows["flags"], '"W_SILENT"')
        talked = rows.filter(pc.and_(is_silent, pc.greater(rows["num_windows"], 0)))
        counts = pc.value_counts(talked["video_id"]).to_pylist()
        silent.update({row["values"]: row["counts"] for row in counts})
    return flags, silent


def _past_end(out: str) -> Counter[str]:
    """Return by video the windows that come after its end."""
    return Counter(
        str(row["video_id"]) for row in iter_rejects(out) if row.get("code") == "W_CAPPASTEOF"
    )


def _charts(samples: Sequence[Sample]) -> list[Markup]:
    windows = [window for sample in samples for window in sample.windows]
    if not windows:
        return []
    seconds = [window.end_s - window.start_s for window in windows]
    words = Counter(len(window.text.split()) for window in windows)
    nearest = [sample.windows[0].center_dist_s for sample in samples if sample.windows]
    shared = [sample.windows[0].overlap_s for sample in samples if sample.windows]
    return [
        distribution("spoken-s", "Windows by length", seconds, "seconds", C1, top=TOP_WINDOW_S),
        histogram("spoken-w", "Windows by words", words, "words", C4),
        distribution(
            "spoken-d", "Clips by distance of their nearest window", nearest,
            "seconds between centres", C2, top=TOP_DISTANCE_S,
        ),
        distribution(
            "spoken-o", "Clips by what they share with it", shared, "seconds", C2, top=3.2
        ),
    ]  # fmt: skip


def _read_hints(samples: Sequence[Sample]) -> list[Hint]:
    nearest = [sample.windows[0] for sample in samples if sample.windows]
    apart = sum(window.overlap_s == 0 for window in nearest)
    far = sum(window.center_dist_s > FAR_S for window in nearest)
    alone = sum(len(sample.windows) < 3 for sample in samples)
    median_s = statistics.median([window.center_dist_s for window in nearest] or [0.0])
    total = len(samples)
    return [
        Hint("nearest window does not touch the clip", apart, total, "said before or after it"),
        Hint(
            f"nearest window is more than {FAR_S:g} s away", far, total,
            f"the median is {median_s:.2f} s",
        ),
        Hint("fewer than three windows in the bag", alone, total, "little to choose from"),
    ]  # fmt: skip


def _counted_hints(flags: Counter[str], past_end: Counter[str], total: int) -> list[Hint]:
    planned = total + past_end.total()
    hints = [
        Hint("no sound where something is said", flags["W_SILENT"], total, "W_SILENT"),
        Hint("picture does not move", flags["W_STATIC"], total, "W_STATIC: a slide, a title"),
        Hint(
            "captions go on after the video's end", past_end.total(), planned,
            "W_CAPPASTEOF: captions of another cut?",
        ),
    ]  # fmt: skip
    for flag, what in (("W_CAPORDER", "cues out of order"), ("W_CAPOVERLAP", "cues overlap")):
        hints.append(Hint(what, flags[flag], total, f"{flag}, in the clip's source"))
    return hints


def _suspects(videos: pa.Table, silent: Counter[str], past_end: Counter[str]) -> list[Suspect]:
    """Return the videos to look at first, the most striking of each kind before the others."""
    columns = ["video_id", "duration_s", "narrated_s", "narration_end_s"]
    told = videos.filter(pc.greater(videos["duration_s"], 0)).select(columns).to_pylist()
    over = [
        Suspect(row["video_id"], f"its narration ends {late_s:.1f} s after it")
        for row in sorted(told, key=_late_s, reverse=True)[:MAX_VIDEOS]
        if (late_s := _late_s(row)) > LATE_S
    ]
    sparse = [
        Suspect(row["video_id"], f"something is said in {share:.1%} of it")
        for row in sorted(told, key=_spoken_share)[:MAX_VIDEOS]
        if (share := _spoken_share(row)) < SPARSE_SHARE
    ]
    counted = [
        Suspect(video_id, f"{count} {what}")
        for counts, what in (
            (past_end, "windows lie after its end"),
            (silent, "clips have words and no sound"),
        )
        for video_id, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        if count >= LEAST_CLIPS
    ]
    merged = zip_longest(over, sparse, counted)
    return [one for each in merged for one in each if one is not None][:MAX_VIDEOS]


def _late_s(row: dict[str, Any]) -> float:
    return (row["narration_end_s"] or 0.0) - row["duration_s"]


def _spoken_share(row: dict[str, Any]) -> float:
    """Return the share of a video in which something is said, 1 where that is not known."""
    narrated_s = row["narrated_s"]
    return 1.0 if narrated_s is None else narrated_s / row["duration_s"]
