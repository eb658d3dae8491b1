"""Times of cues and words: reading them, and mending what is missing or goes backwards."""

import itertools
import re
from collections.abc import Sequence

from pipeline.captions.cue import CaptionError, Captions, Cue
from shards.schema import Word

# Hours are optional, digits may lack padding, and SRT writes a comma for the point.
_STAMP = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
NUM_STAMP_GROUPS = 4
TIMING_LINE = re.compile(rf"^\s*{_STAMP}\s*-->\s*{_STAMP}(?!\d).*$")

LONG_CUE_S = 30.0
LATEST_S = 10_000 * 3600.0
"""What a stamp can tell at most. JSON can tell more, up to what no clock computes with."""


def stamp_s(groups: Sequence[str | None]) -> float:
    """Seconds of the four groups of a stamp."""
    hours, minutes, seconds, fraction = groups
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return round(whole + int((fraction or "0").ljust(3, "0")) / 1000, 3)


def timed_words(
    texts: Sequence[str],
    spans: Sequence[tuple[float | None, float | None]],
    cue_start_s: float,
    cue_end_s: float,
) -> tuple[tuple[Word, ...], bool]:
    """Give every word a span, without overlap and without going back in time.

    A word without a time, or with one that goes backwards, shares the room between its
    neighbours evenly with the other such words beside it.

    Returns:
        The words, and whether any time had to be made up.
    """
    known: list[tuple[float, float] | None] = []
    last_s = cue_start_s
    for start_s, end_s in spans:
        if start_s is None or start_s < last_s - 0.05 or start_s > cue_end_s:
            known.append(None)
            continue
        begin_s = max(start_s, last_s)
        last_s = min(max(begin_s if end_s is None else end_s, begin_s), cue_end_s)
        known.append((begin_s, last_s))
    filled = _fill_gaps(known, cue_start_s, cue_end_s)
    words = tuple(
        Word(text, round(start_s, 3), round(end_s, 3))
        for text, (start_s, end_s) in zip(texts, filled, strict=True)
    )
    return words, None in known


def _fill_gaps(
    known: list[tuple[float, float] | None], start_s: float, end_s: float
) -> list[tuple[float, float]]:
    filled: list[tuple[float, float]] = []
    index = 0
    while index < len(known):
        span = known[index]
        if span is not None:
            filled.append(span)
            index += 1
            continue
        stop = index
        while stop < len(known) and known[stop] is None:
            stop += 1
        left_s = filled[-1][1] if filled else start_s
        following = known[stop] if stop < len(known) else None
        right_s = max(left_s, following[0] if following else end_s)
        step_s = (right_s - left_s) / (stop - index)
        filled += [
            (left_s + place * step_s, left_s + (place + 1) * step_s)
            for place in range(stop - index)
        ]
        index = stop
    return filled


def in_order(cues: list[Cue], flags: set[str]) -> Captions:
    """Sort cues by time, drop those without extent, and note what was wrong.

    Raises:
        CaptionError: `W_CAPEMPTY` where no cue is left.
    """
    kept = []
    for cue in cues:
        if cue.end_s <= cue.start_s or cue.end_s <= 0:
            flags.add("W_CAPZERO")
            continue
        if cue.end_s - cue.start_s > LONG_CUE_S:
            flags.add("W_CAPLONG")
        if cue.start_s < 0:
            flags.add("W_CAPNEG")
        if cue.text:
            kept.append(cue if cue.start_s >= 0 else Cue(0.0, cue.end_s, cue.text))
    if not kept:
        raise CaptionError("W_CAPEMPTY", f"no usable cue among {len(cues)}")
    ordered = sorted(kept, key=lambda cue: (cue.start_s, cue.end_s))
    if ordered != kept:
        flags.add("W_CAPORDER")
    if any(one.end_s > two.start_s + 0.0005 for one, two in itertools.pairwise(ordered)):
        flags.add("W_CAPOVERLAP")
    return Captions(ordered, frozenset(flags))
