"""Contact sheets: a clip's 32 frames beside the narration around it, on a time axis."""

import itertools
import random
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.axis import axis_of, lanes_of
from pipeline.reports.frames import decode_frames, filmstrip, read_clip
from pipeline.reports.inputs import RunFiles
from pipeline.reports.missing import Missing
from pipeline.reports.truth import Truth
from shards.manifest import Manifest
from shards.schema import Sample

_FRAME_WIDTH_PX = 136
_NUM_STRIPS = 4
_MAX_FLAGS = 8
_DRAWN_PER_CLIP = 20
_COLUMNS = ("key", "video_id", "split", "shard", "offset", "length")


@dataclass(frozen=True, slots=True)
class Row:
    """One window on the time axis. Places are percentages of the axis."""

    text: str
    start_s: float
    end_s: float
    left: float
    width: float
    nearest: bool
    in_bag: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """One clip: strips of frames, its windows, and what it really shows where that is known."""

    key: str
    video_id: str
    split: str
    start_s: float
    end_s: float
    flags: list[str]
    strips: list[Markup]
    rows: list[Row]
    band_left: float
    band_width: float
    ticks: list[tuple[float, str]]
    truth: str


@dataclass(frozen=True, slots=True)
class SheetsSection:
    """The sheets, how many windows are candidates, and whether the truth was there."""

    sheets: list[Sheet] = field(default_factory=list)
    candidates: int = 5
    has_truth: bool = False
    missing: list[Missing] = field(default_factory=list)


def sheets_section(
    run: RunFiles, manifest: Manifest | None, truth: Truth, count: int = 6
) -> SheetsSection:
    """Draw `count` clips of different videos, the same ones for the same manifest."""
    candidates = run.setting("objectives.mil_nce.candidates", 5)
    candidates = candidates if isinstance(candidates, int) else 5
    if manifest is None:
        return SheetsSection(missing=[Missing("No clips to show.", missing.SHARDS)])
    sheets = draw_sheets(manifest, count, candidates, truth)
    gaps = [] if sheets else [Missing("None of the clips could be read.", "make verify OUT=DIR")]
    return SheetsSection(sheets, candidates, bool(truth.steps), gaps)


def draw_sheets(manifest: Manifest, count: int, candidates: int, truth: Truth) -> list[Sheet]:
    """Return up to `count` sheets of clips of different videos, as far as they can be read."""
    sheets = []
    for row in choose_clips(manifest, 3 * count):
        sample = read_clip(manifest.out, row["shard"], row["offset"], row["length"])
        frames = decode_frames(sample) if sample else None
        if sample is not None and frames is not None:
            sheets.append(_sheet(sample, frames, row["split"], candidates, truth))
        if len(sheets) == count:
            break
    return sheets


def choose_clips(manifest: Manifest, count: int) -> list[dict[str, Any]]:
    """Return rows of up to `count` clips: of different videos first, drawn by the manifest."""
    rows = draw_rows(manifest, _DRAWN_PER_CLIP * count)
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["video_id"], row)
    taken = {row["key"] for row in first.values()}
    others = [row for row in rows if row["key"] not in taken]
    return [*first.values(), *others][:count]


def draw_rows(manifest: Manifest, count: int) -> list[dict[str, Any]]:
    """Return up to `count` rows in random order, the same ones for the same manifest."""
    total = manifest.num_samples
    numbers = random.Random(manifest.sha256).sample(range(total), min(total, count))
    place_of = {number: place for place, number in enumerate(numbers)}
    ascending = sorted(numbers)
    found: list[tuple[int, dict[str, Any]]] = []
    first = 0
    for rows in manifest.batches(_COLUMNS):
        here = ascending[bisect_left(ascending, first) : bisect_left(ascending, first + len(rows))]
        picked = rows.take([number - first for number in here]).to_pylist()
        found += [(place_of[number], row) for number, row in zip(here, picked, strict=True)]
        first += len(rows)
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def _sheet(
    sample: Sample, frames_THWC: np.ndarray, split: str, candidates: int, truth: Truth
) -> Sheet:
    video_id = str(sample.meta.get("video_id", ""))
    start_s, end_s = float(sample.meta["t0_s"]), float(sample.meta["t1_s"])
    axis = axis_of(sample.windows, start_s, end_s)
    step = truth.step_of(sample.meta)
    rows = [
        Row(
            text=lane.window.text,
            start_s=lane.window.start_s,
            end_s=lane.window.end_s,
            left=lane.left,
            width=lane.width,
            nearest=lane.place == 0,
            in_bag=lane.place < candidates,
            right=truth.is_right(lane.window, step, video_id),
        )
        for lane in lanes_of(sample, axis)
    ]
    num_frames = len(frames_THWC)
    edges = [round(i * num_frames / _NUM_STRIPS) for i in range(_NUM_STRIPS + 1)]
    flags = sample.meta.get("flags")
    return Sheet(
        key=sample.key,
        video_id=video_id,
        split=split,
        start_s=start_s,
        end_s=end_s,
        flags=[str(flag) for flag in flags][:_MAX_FLAGS] if isinstance(flags, list) else [],
        strips=[
            filmstrip(frames_THWC, list(range(a, b)), _FRAME_WIDTH_PX)
            for a, b in itertools.pairwise(edges)
            if b > a
        ],
        rows=rows,
        band_left=axis.at(start_s),
        band_width=axis.width(end_s - start_s),
        ticks=axis.ticks(),
        truth=str(step.get("sentence", "")) if step else "",
    )
