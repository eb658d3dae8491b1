"""Whisper JSON reader: `segments` with `start`, `end`, `text`, and `words` that may lack times."""

import json
from typing import Any

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.text import tidy
from pipeline.captions.timing import LATEST_S, in_order, timed_words
from shards.schema import Word


def parse_whisper(text: str) -> Captions:
    """Read a whole file.

    Raises:
        CaptionError: `E_CAPPARSE` where it is not such a file, `W_CAPEMPTY` where nothing is said.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CaptionError("E_CAPPARSE", f"not JSON: {error}") from None
    segments = document.get("segments") if isinstance(document, dict) else None
    if not isinstance(segments, list):
        raise CaptionError("E_CAPPARSE", "must be an object with a list `segments`")
    flags: set[str] = set()
    return in_order([_parse_segment(segment, flags) for segment in segments], flags)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _parse_segment(segment: Any, flags: set[str]) -> Cue:
    if not isinstance(segment, dict) or not isinstance(segment.get("text"), str):
        raise CaptionError("E_CAPPARSE", "a segment must have start, end and text")
    start_s, end_s = _seconds(segment.get("start")), _seconds(segment.get("end"))
    if start_s is None or end_s is None:
        raise CaptionError("E_CAPPARSE", "a segment's start and end must be seconds")
    text = tidy(segment["text"])
    raw = segment.get("words")
    words = _parse_words(raw, text, (start_s, end_s), flags) if isinstance(raw, list) else ()
    return Cue(start_s, end_s, text, words)


def _parse_words(
    raw: list[Any], text: str, span_s: tuple[float, float], flags: set[str]
) -> tuple[Word, ...]:
    texts: list[str] = []
    spans: list[tuple[float | None, float | None]] = []
    for entry in raw:
        if not isinstance(entry, dict):
            continue
        tokens = tidy(str(entry.get("word", entry.get("text", "")))).split()
        texts += tokens
        timed = (_seconds(entry.get("start")), _seconds(entry.get("end")))
        spans += [timed if len(tokens) == 1 else (None, None) for _ in tokens]
    tokens = text.split()
    if not raw:
        return ()
    if len(texts) != len(tokens):
        # Words that are not the text's tokens cannot say where the text may be cut.
        flags.add("W_WORDTIME")
        return ()
    words, mended = timed_words(tokens, spans, *span_s)
    if mended:
        flags.add("W_WORDTIME")
    return words


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) < LATEST_S:  # nor NaN
        return None
    return round(float(value), 3)
