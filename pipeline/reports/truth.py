"""What the demo corpus really shows when, for the contact sheets."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.reports.inputs import read_jsonl
from pipeline.reports.text import as_float


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

    def cue_at(self, video_id: str, time_s: float) -> dict | None:
        """Return the cue spoken at a time of a video, or none."""
        return _at(self.cues.get(video_id, []), time_s)


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
    # Cues may overlap: the one before may still be running when the last one has ended.
    for row in rows[max(0, place - 1) : place + 1][::-1]:
        if time_s < row["end_s"]:
            return row
    return None
