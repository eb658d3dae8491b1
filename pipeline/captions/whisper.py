"""Whisper and WhisperX JSON reader: segments with `start`, `end`, `text`, and perhaps `words`."""

from collections.abc import Sequence
from typing import Any

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.documents import seconds
from pipeline.captions.tags import language_of
from pipeline.captions.text import tidy
from pipeline.captions.timing import in_order, timed_words, token_spans
from shards.schema import Word


def parse_whisper(document: dict[str, Any]) -> Captions:
    """Read a whole document, an object with a list `segments`.

    WhisperX leaves words without times (numbers, currency) and some that go back in time: they
    get the room between their neighbours, and the file `W_WORDTIME`.

    Raises:
        CaptionError: `E_CAPPARSE` where it is not such a file, `W_CAPEMPTY` where nothing is said.
    """
    segments = document.get("segments")
    if not isinstance(segments, list):
        raise CaptionError("E_CAPPARSE", "must be an object with a list `segments`")
    flags: set[str] = set()
    cues = [_parse_segment(segment, flags) for segment in segments]
    return in_order(cues, flags, language_of(document.get("language")), "whisper")


def parse_transcript(document: Sequence[Any]) -> Captions:
    """Read a bare list of `text`, `start` and `duration` or `end`, as transcript tools write it.

    Raises:
        CaptionError: `E_CAPPARSE` where it is not such a list, `W_CAPEMPTY` where nothing is said.
    """
    flags: set[str] = set()
    cues = [_parse_segment(_with_end(row), flags) for row in document]
    return in_order(cues, flags, file_format="transcript")


def _with_end(row: Any) -> Any:
    if not isinstance(row, dict) or "end" in row:
        return row
    start_s, duration_s = seconds(row.get("start")), seconds(row.get("duration"))
    if start_s is None or duration_s is None:
        return row
    return {**row, "end": start_s + duration_s}


def _parse_segment(segment: Any, flags: set[str]) -> Cue:
    if not isinstance(segment, dict) or not isinstance(segment.get("text"), str):
        raise CaptionError("E_CAPPARSE", "a segment must have start, end and text")
    start_s, end_s = seconds(segment.get("start")), seconds(segment.get("end"))
    if start_s is None or end_s is None:
        raise CaptionError("E_CAPPARSE", "a segment's start and end must be seconds")
    text = tidy(segment["text"])
    raw = segment.get("words")
    words = _parse_words(raw, text, (start_s, end_s), flags) if isinstance(raw, list) else ()
    return Cue(start_s, end_s, text, words)


def _parse_words(
    raw: list[Any], text: str, span_s: tuple[float, float], flags: set[str]
) -> tuple[Word, ...]:
    pieces = [
        (tidy(str(entry.get("word", entry.get("text", "")))), *_times(entry))
        for entry in raw
        if isinstance(entry, dict)
    ]
    tokens = text.split()
    spans = token_spans(tokens, pieces)
    if not raw or not tokens:
        return ()
    if spans is None:
        # Words that are not the text's cannot say where the text may be cut.
        flags.add("W_WORDTIME")
        return ()
    words, mended = timed_words(tokens, spans, *span_s)
    if mended:
        flags.add("W_WORDTIME")
    return words


def _times(entry: dict[str, Any]) -> tuple[float | None, float | None]:
    return seconds(entry.get("start")), seconds(entry.get("end"))
