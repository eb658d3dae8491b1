"""The section on what went in, and what was rejected and why."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.codes import MEANINGS
from pipeline.reports.inputs import RunFiles
from pipeline.reports.missing import Missing
from pipeline.reports.plots import C1, C4, histogram
from pipeline.reports.text import as_float, clean, number, percent
from shards.manifest import Manifest, load_rejects

logger = logging.getLogger(__name__)

_MAX_EXAMPLES = 3
_MAX_CODES = 24
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
    """Counts of the shards folder. `hours` are hours of stored clips, overlap counted twice."""

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
    alignment: list[tuple[str, str, object]] = field(default_factory=list)
    num_aligned_clips: object = None
    sha256: str = ""
    missing: list[Missing] = field(default_factory=list)


def load_manifest(shards_out: Path | None) -> Manifest | None:
    """Return the committed manifest, or none where there is none that can be read."""
    if shards_out is None or not (shards_out / "manifest.json").is_file():
        return None
    try:
        return Manifest.load(str(shards_out))
    except (OSError, ValueError, KeyError) as error:
        logger.warning("report: %s has no readable manifest: %s", shards_out, error)
        return None


def intake_section(
    run: RunFiles, shards_out: Path | None, manifest: Manifest | None
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
    rejects = _rejects(shards_out)
    samples = manifest.samples
    num_clips = samples.num_rows
    span_ms = sum(samples["t1_ms"].to_pylist()) - sum(samples["t0_ms"].to_pylist())
    written = set(samples["video_id"].to_pylist())
    lost = {str(row.get("video_id")) for row in rejects if row.get("t0_s") is None} - written
    rejected_clips = sum(_clips_of(row) for row in rejects)
    planned = manifest.totals.get("planned")
    reasons = _reasons(rejects)
    return IntakeSection(
        num_videos=len(written),
        num_videos_in=len(written | {str(row.get("video_id")) for row in rejects}),
        num_clips=num_clips,
        hours=span_ms / 3_600_000,
        num_rejected_clips=rejected_clips,
        num_rejected_videos=len(lost),
        planned=planned if isinstance(planned, int) else num_clips + rejected_clips,
        splits=_splits(samples["split"].to_pylist(), samples["video_id"].to_pylist()),
        reasons=reasons[:_MAX_CODES],
        num_other_codes=max(0, len(reasons) - _MAX_CODES),
        charts=_histograms(manifest),
        alignment=alignment,
        num_aligned_clips=run.alignment.get("clips"),
        sha256=str(manifest.sha256),
        missing=gaps,
    )


def _rejects(shards_out: Path) -> list[dict]:
    try:
        return [row for row in load_rejects(str(shards_out)) if isinstance(row, dict)]
    except (OSError, ValueError) as error:
        logger.warning("report: rejects of %s cannot be read: %s", shards_out, error)
        return []


def _clips_of(row: dict) -> int:
    clips = row.get("clips", 0)
    return clips if isinstance(clips, int) and not isinstance(clips, bool) else 0


def _reasons(rejects: list[dict]) -> list[Reason]:
    """Return the codes, most frequent first, with up to three videos as examples."""
    rows_of: dict[str, list[dict]] = {}
    for row in rejects:
        rows_of.setdefault(clean(str(row.get("code", "?"))), []).append(row)
    most = max((len(rows) for rows in rows_of.values()), default=1)
    reasons = []
    for code, rows in sorted(rows_of.items(), key=lambda item: (-len(item[1]), item[0])):
        examples: dict[str, str] = {}
        for row in sorted(rows, key=lambda row: str(row.get("video_id"))):
            examples.setdefault(str(row.get("video_id")), str(row.get("detail") or ""))
        reasons.append(
            Reason(
                code=code,
                meaning=MEANINGS.get(code, ""),
                num_rows=len(rows),
                num_clips=sum(_clips_of(row) for row in rows),
                share=len(rows) / most,
                examples=list(examples.items())[:_MAX_EXAMPLES],
            )
        )
    return reasons


def _splits(splits: list[str], video_ids: list[str]) -> list[tuple[str, int, int]]:
    """Return (split, clips, videos) in the order train, val, test."""
    clips = Counter(splits)
    videos = Counter(split for split, _ in set(zip(splits, video_ids, strict=True)))
    return [(name, clips[name], videos[name]) for name in ("train", "val", "test")]


def _histograms(manifest: Manifest) -> list[Markup]:
    if not manifest.samples.num_rows:
        return []
    windows = manifest.samples["num_windows"].to_pylist()
    words = [len(caption.split()) for caption in manifest.samples["caption"].to_pylist()]
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
