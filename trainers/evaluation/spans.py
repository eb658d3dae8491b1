"""Labelled spans of videos, read from JSON lines, and the one that a clip shows."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """Something known about `[start_s, end_s)` of a video."""

    video_id: str
    start_s: float
    end_s: float
    sentence: str | None = None
    label: int | str | None = None
    factors: dict[str, int | str] = field(default_factory=dict)
    """For each modality the part of the label that this modality reveals."""
    step: int | None = None


class Timed(Protocol):
    """Anything that lies in a video: a clip, a window."""

    @property
    def video_id(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


def read_spans(path: Path) -> list[Span]:
    """Read one span a line; blank lines are passed over.

    Raises:
        ValueError: If the file is missing, or a line is not a span; says file and line.
    """
    return [_span(path, number, record) for number, record in read_records(path)]


def read_records(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return the objects of a JSON-lines file, each with its line number from 1.

    Raises:
        ValueError: If the file is missing, or a line is not an object.
    """
    if not path.is_file():
        raise ValueError(f"a file of labelled spans must exist, got {str(path)!r}")
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number}: a line must be JSON, got {error}") from error
        if not isinstance(record, dict):
            raise ValueError(
                f"{path}:{number}: a line must be an object, got {type(record).__name__}"
            )
        records.append((number, record))
    return records


def read_interval(path: Path, number: int, record: dict[str, Any]) -> tuple[str, float, float]:
    """Return `(video_id, start_s, end_s)` of a record.

    Raises:
        ValueError: If one of them is missing, or the interval is empty.
    """
    where = f"{path}:{number}"
    video_id = record.get("video_id")
    if not isinstance(video_id, str) or not video_id:
        raise ValueError(f"{where}: video_id must be a text that is not empty, got {video_id!r}")
    start_s, end_s = (_seconds(where, key, record.get(key)) for key in ("start_s", "end_s"))
    if end_s <= start_s:
        raise ValueError(f"{where}: end_s must be above start_s, got {start_s} to {end_s}")
    return video_id, start_s, end_s


def best_overlaps(items: Sequence[Timed], spans: Sequence[Timed]) -> list[int | None]:
    """Return for each item the index of the span of its video that it overlaps most.

    Ties go to the span that begins earlier, then to the earlier line. An item that
    overlaps nothing gets None.
    """
    by_video: dict[str, list[int]] = defaultdict(list)
    for index, span in enumerate(spans):
        by_video[span.video_id].append(index)
    for indices in by_video.values():
        indices.sort(key=lambda index: spans[index].start_s)
    return [_best_overlap(item, by_video.get(item.video_id, []), spans) for item in items]


def match_spans(items: Sequence[Timed], spans: Sequence[Span]) -> list[Span | None]:
    """Return for each item the span that it overlaps most, or None; see `best_overlaps`."""
    return [None if index is None else spans[index] for index in best_overlaps(items, spans)]


def _best_overlap(item: Timed, candidates: list[int], spans: Sequence[Timed]) -> int | None:
    best, best_overlap_s = None, 0.0
    for index in candidates:
        span = spans[index]
        overlap_s = min(item.end_s, span.end_s) - max(item.start_s, span.start_s)
        # Times have three decimals on disk: a smaller lead is the rounding of a sum.
        if overlap_s > best_overlap_s + 1e-6:
            best, best_overlap_s = index, overlap_s
    return best


def _span(path: Path, number: int, record: dict[str, Any]) -> Span:
    where = f"{path}:{number}"
    video_id, start_s, end_s = read_interval(path, number, record)
    sentence, label = record.get("sentence"), record.get("label")
    factors, step = record.get("factors") or {}, record.get("step")
    if sentence is not None and not isinstance(sentence, str):
        raise ValueError(f"{where}: sentence must be a text, got {sentence!r}")
    if label is not None and (isinstance(label, bool) or not isinstance(label, int | str)):
        raise ValueError(f"{where}: label must be an integer or a text, got {label!r}")
    if not isinstance(factors, dict):
        raise ValueError(f"{where}: factors must be an object, got {factors!r}")
    if step is not None and not isinstance(step, int):
        raise ValueError(f"{where}: step must be an integer, got {step!r}")
    return Span(video_id, start_s, end_s, sentence, label, factors, step)


def _seconds(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{where}: {key} must be a number of seconds, got {value!r}")
    return float(value)
