"""What the demo corpus really shows and says when: for contact sheets, and to judge bags by."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.reports.inputs import read_jsonl
from pipeline.reports.text import as_float
from shards.schema import Sample, Window

BAG_SIZES = (1, 3, 5, 9)
"""K for which a report says how often the right window is in the bag."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Steps and cues by video, each list by rising start."""

    steps: dict[str, list[dict]] = field(default_factory=dict)
    cues: dict[str, list[dict]] = field(default_factory=dict)

    def step_at(self, video_id: str, time_s: float) -> dict | None:
        """Return the step shown at a time of a video, or none."""
        return _at(self.steps.get(video_id, []), time_s)

    def step_of(self, meta: Mapping[str, Any]) -> dict | None:
        """Return the step shown in the middle of a clip, by its `.json` member, or none."""
        middle_s = (float(meta["t0_s"]) + float(meta["t1_s"])) / 2
        return self.step_at(str(meta["video_id"]), middle_s)

    def is_right(self, window: Window, step: Mapping[str, Any] | None, video_id: str) -> bool:
        """Return whether a window tells of a step: whether the cue that it overlaps most does."""
        if step is None or step.get("step") is None:
            return False
        cue = _most_overlapped(self.cues.get(video_id, []), window.start_s, window.end_s)
        return cue is not None and cue.get("step") == step["step"]


@dataclass(frozen=True, slots=True)
class BagQuality:
    """How often the right narration is in the bag.

    `num_clips` are the clips that show a step; `share_within` says, by K, which share of them
    has a window that tells of it among the first K of its bag. What the largest K lacks is said
    nowhere near the clip.
    """

    num_clips: int
    share_within: dict[int, float]


def bag_quality(
    samples: Iterable[Sample], truth: Truth, sizes: Sequence[int] = BAG_SIZES
) -> BagQuality | None:
    """Count how often the right narration is in the bag; None where no clip shows a known step."""
    num_clips = 0
    num_within = dict.fromkeys(sizes, 0)
    for sample in samples:
        video_id, step = str(sample.meta["video_id"]), truth.step_of(sample.meta)
        if step is None or step.get("step") is None:
            continue
        num_clips += 1
        right = (truth.is_right(window, step, video_id) for window in sample.windows)
        rank = next((place for place, is_so in enumerate(right, start=1) if is_so), None)
        for size in sizes:
            num_within[size] += rank is not None and rank <= size
    if not num_clips:
        return None
    return BagQuality(num_clips, {size: count / num_clips for size, count in num_within.items()})


def load_truth(corpus: Path | None) -> Truth:
    """Return the truth beside a corpus; empty where it has none."""
    if corpus is None:
        return Truth()
    return Truth(
        steps=_by_video(corpus / "truth" / "steps.jsonl"),
        cues=_by_video(corpus / "truth" / "cues.jsonl"),
    )


def _by_video(path: Path) -> dict[str, list[dict]]:
    rows_of: dict[str, list[dict]] = {}
    for row in read_jsonl(path, []):
        if as_float(row.get("start_s")) is not None and as_float(row.get("end_s")) is not None:
            rows_of.setdefault(str(row.get("video_id")), []).append(row)
    for rows in rows_of.values():
        rows.sort(key=lambda row: row["start_s"])
    return rows_of


def _at(rows: list[dict], time_s: float) -> dict | None:
    place = bisect_right(rows, time_s, key=lambda row: row["start_s"]) - 1
    return rows[place] if place >= 0 and time_s < rows[place]["end_s"] else None


def _most_overlapped(rows: list[dict], start_s: float, end_s: float) -> dict | None:
    """The row that a span overlaps most, the earlier one of two."""

    def overlap_s(row: dict) -> float:
        return min(end_s, row["end_s"]) - max(start_s, row["start_s"])

    best = max(rows, key=overlap_s, default=None)
    return best if best is not None and overlap_s(best) > 0 else None
