"""YouTube's json3 reader: events of segments, with the offset of each word in spoken captions."""

import itertools
from typing import Any

from pipeline.captions.cue import Captions, Cue
from pipeline.captions.documents import seconds
from pipeline.captions.text import tidy
from pipeline.captions.timing import in_order, timed_words, token_spans, without_pause

_UNKNOWN_DURATION_MS = 3000


def parse_json3(document: dict[str, Any], file_format: str = "json3") -> Captions:
    """Read a whole document, an object with a list `events`.

    An event without segments sets up a window; one that appends (`aAppend`) brings a line
    break, or more words at its own time. Times are milliseconds, `tOffsetMs` counts from the
    event's. A line that is spoken word by word stays on the screen with the next one, so it
    ends at the latest where the next one begins.

    Raises:
        CaptionError: `W_CAPEMPTY` where nothing is said.
    """
    flags: set[str] = set()
    events = [event for event in document["events"] if isinstance(event, dict)]
    cues = [cue for event in events if (cue := _parse_event(event, flags)) is not None]
    cues.sort(key=lambda cue: cue.start_s)
    ends_s = itertools.chain((cue.start_s for cue in cues[1:]), [float("inf")])
    cut = [_cut(cue, end_s) if cue.words else cue for cue, end_s in zip(cues, ends_s, strict=False)]
    return in_order(cut, flags, file_format=file_format)


def _parse_event(event: dict[str, Any], flags: set[str]) -> Cue | None:
    segments = event.get("segs")
    if not isinstance(segments, list):
        return None
    segments = [one for one in segments if isinstance(one, dict)]
    runs = [one["utf8"] if isinstance(one.get("utf8"), str) else "" for one in segments]
    text = tidy("".join(runs))
    if not text:
        return None
    start_s = _from_ms(event.get("tStartMs"))
    duration_s = _from_ms(event.get("dDurationMs", _UNKNOWN_DURATION_MS))
    if start_s is None or duration_s is None:
        flags.add("W_CAPTIME")
        return None
    cue = Cue(start_s, round(start_s + duration_s, 3), text)
    if not any("tOffsetMs" in one for one in segments):
        return cue
    return _with_words(cue, segments, runs, flags)


def _with_words(cue: Cue, segments: list[dict[str, Any]], runs: list[str], flags: set[str]) -> Cue:
    """A segment begins at its offset, and lasts until the next one begins."""
    offsets_s = [_from_ms(segment.get("tOffsetMs", 0)) for segment in segments]
    starts_s = [
        None if offset_s is None else round(cue.start_s + offset_s, 3) for offset_s in offsets_s
    ]
    end_s = max([cue.end_s, *(start_s for start_s in starts_s if start_s is not None)])
    pieces = list(zip(map(tidy, runs), starts_s, [*starts_s[1:], end_s], strict=True))
    tokens = cue.text.split()
    spans = token_spans(tokens, pieces)
    if spans is None:
        flags.add("W_WORDTIME")
        return cue
    words, mended = timed_words(tokens, spans, cue.start_s, end_s)
    if mended:
        flags.add("W_WORDTIME")
    return Cue(cue.start_s, end_s, cue.text, words)


def _cut(cue: Cue, next_start_s: float) -> Cue:
    """Return a cue of words that ends before the next one, where its words do."""
    end_s = max(min(cue.end_s, next_start_s), cue.words[-1].start_s)
    if end_s < cue.end_s:
        last = cue.words[-1]
        words = (*cue.words[:-1], type(last)(last.text, last.start_s, min(last.end_s, end_s)))
        cue = Cue(cue.start_s, end_s, cue.text, words)
    return without_pause(cue)


def _from_ms(value: Any) -> float | None:
    """Seconds of a count of milliseconds, which some writers quote."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:16])
    found_ms = seconds(value)
    return None if found_ms is None else seconds(found_ms / 1000)
