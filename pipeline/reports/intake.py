"""The section on what went in, and what was rejected and why."""

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.codes import reject_meaning
from pipeline.reports.inputs import RunFiles
from pipeline.reports.missing import Missing
from pipeline.reports.plots import C1, C4, histogram
from pipeline.reports.text import as_float, clean, number, percent
from shards import storage
from shards.manifest import Manifest, iter_rejects
from shards.state import MANIFEST

logger = logging.getLogger(__name__)

_MAX_EXAMPLES = 3
_MAX_CODES = 24
_SPLITS = ("train", "val", "test")
_SHOWN_NEAREST = {"3", "5", "9"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reject code: how often, how many planned clips it cost, and whom it struck."""

    code: str
    meaning: str
    num_rows: int
    num_clips: int
    share: float
    examples: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class IntakeSection:
    """Counts of the shards folder. `hours` are hours of stored clips, overlap counted twice.

    `others` are further folders that the run was trained on, which are not counted.
    """

    num_videos: int | None = None
    num_videos_in: int | None = None
    num_clips: int | None = None
    hours: float | None = None
    num_rejected_clips: int = 0
    num_rejected_videos: int = 0
    planned: int | None = None
    splits: list[tuple[str, int, int]] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    num_other_codes: int = 0
    charts: list[Markup] = field(default_factory=list)
    num_words: int = 0
    alignment: list[tuple[str, str, object]] = field(default_factory=list)
    num_aligned_clips: object = None
    sha256: str = ""
    others: list[str] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


def load_manifest(shards_out: str | Path | None) -> Manifest | None:
    """Return the committed manifest, or none where there is none that can be read."""
    if shards_out is None:
        return None
    try:
        if not storage.exists(storage.join(str(shards_out), MANIFEST)):
            return None
        return Manifest.load(str(shards_out))
    except (OSError, ValueError, KeyError) as error:
        logger.warning("report: %s has no readable manifest: %s", shards_out, error)
        return None


def intake_section(
    run: RunFiles, shards_out: str | Path | None, manifest: Manifest | None
) -> IntakeSection:
    """Count clips, videos, hours and rejects of the shards that the run was trained on."""
    alignment = _alignment(run.alignment)
    gaps = []
    if not alignment:
        what = "No count of how often the nearest window is the right one."
        gaps.append(missing.measured(run.alignment, what, run.name))
    if manifest is None or shards_out is None:
        return IntakeSection(
            alignment=alignment,
            num_aligned_clips=run.alignment.get("clips"),
            missing=[Missing("No manifest of the shards.", missing.SHARDS), *gaps],
        )
    return replace(
        count_shards(manifest),
        alignment=alignment,
        num_aligned_clips=run.alignment.get("clips"),
        others=[clean(folder) for folder in run.mixed_in()],
        missing=gaps,
    )


def count_shards(manifest: Manifest) -> IntakeSection:
    """Count clips, hours, splits and rejects, some hundred thousand rows at a time."""
    totals = manifest.totals
    reasons = _reasons(manifest.out)
    span_ms = 0
    videos: set[tuple[str, str]] = set()
    windows: Counter[int] = Counter()
    words: Counter[int] = Counter()
    columns = ["t0_ms", "t1_ms", "split", "video_id", "num_windows", "caption"]
    for rows in manifest.batches(columns):
        span_ms += (pc.sum(rows["t1_ms"]).as_py() or 0) - (pc.sum(rows["t0_ms"]).as_py() or 0)
        pairs = rows.group_by(["split", "video_id"]).aggregate([])
        videos.update(zip(pairs["split"].to_pylist(), pairs["video_id"].to_pylist(), strict=True))
        windows.update(_counts(rows["num_windows"]))
        words.update(_counts(pc.list_value_length(pc.utf8_split_whitespace(rows["caption"]))))
    videos_of = Counter(split for split, _ in videos)
    return IntakeSection(
        num_videos=totals["videos_written"],
        num_videos_in=totals["sources"],
        num_clips=totals["written"],
        hours=span_ms / 3_600_000,
        num_rejected_clips=totals["rejected"],
        num_rejected_videos=totals["videos_rejected"],
        planned=totals["planned"],
        splits=[(name, totals["splits"][name], videos_of[name]) for name in _SPLITS],
        reasons=reasons[:_MAX_CODES],
        num_other_codes=max(0, len(reasons) - _MAX_CODES),
        charts=_histograms(windows, words),
        num_words=sum(count * number for number, count in words.items()),
        sha256=manifest.sha256,
    )


def _counts(column: pa.ChunkedArray) -> dict[int, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}


def _reasons(out: str) -> list[Reason]:
    """Return the codes, most frequent first, with up to three videos as examples."""
    num_rows: Counter[str] = Counter()
    num_clips: Counter[str] = Counter()
    examples: dict[str, dict[str, str]] = {}
    try:
        for row in iter_rejects(out):
            code = clean(str(row["code"]))
            num_rows[code] += 1
            num_clips[code] += row["clips"]
            few = examples.setdefault(code, {})
            if len(few) < _MAX_EXAMPLES:
                few.setdefault(str(row["video_id"]), str(row.get("detail") or ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("report: rejects of %s cannot be read: %s", out, error)
    most = max(num_rows.values(), default=1)
    return [
        Reason(
            code=code,
            meaning=reject_meaning(code),
            num_rows=count,
            num_clips=num_clips[code],
            share=count / most,
            examples=sorted(examples[code].items()),
        )
        for code, count in sorted(num_rows.items(), key=lambda item: (-item[1], item[0]))
    ]


def _histograms(windows: Counter[int], words: Counter[int]) -> list[Markup]:
    if not windows:
        return []
    return [
        histogram("windows", "Clips by size of their bag", windows, "windows in the bag", C1),
        histogram("words", "Clips by words of their nearest window", words, "words", C4),
    ]


def _alignment(alignment: dict) -> list[tuple[str, str, object]]:
    """Return (label, share as text, full share) of clips whose right window is within K."""
    within = alignment.get("right_within_k")
    shares = {1: alignment.get("nearest_right")}
    for key, share in within.items() if isinstance(within, dict) else ():
        if str(key) in _SHOWN_NEAREST:
            shares.setdefault(int(key), share)
    return [
        ("nearest window" if k == 1 else f"nearest {number(k)}", percent(share), share)
        for k, share in sorted(shares.items())
        if as_float(share) is not None
    ]
