"""Times of cues and words: mending what is missing or goes backwards."""

import itertools
from collections.abc import Sequence

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.speech import without_annotations
from shards.schema import Word

LONG_CUE_S = 30.0
_LONGEST_LAST_WORD_S = 1.0


def token_spans(
    tokens: Sequence[str], pieces: Sequence[tuple[str, float | None, float | None]]
) -> list[tuple[float | None, float | None]] | None:
    """Return the times of the words of a text from those of the pieces that it is made of.

    A piece may be part of a word (`y` `'all,`), or hold several words, of which it times none
    but the first one's start and the last one's end.

    Returns:
        A span for each token, or None where the pieces are not the text.
    """
    starts: dict[int, float | None] = {}
    ends: dict[int, float | None] = {}
    length = 0
    whole: list[str] = []
    for piece, start_s, end_s in pieces:
        letters = "".join(piece.split())
        if letters:
            starts[length] = start_s
            length += len(letters)
            ends[length] = end_s
            whole.append(letters)
    if "".join(whole) != "".join(tokens):
        return None
    spans = []
    place = 0
    for token in tokens:
        spans.append((starts.get(place), ends.get(place + len(token))))
        place += len(token)
    return spans


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
        is_reversed = start_s is not None and end_s is not None and end_s < start_s
        if start_s is None or is_reversed or not last_s - 0.05 <= start_s <= cue_end_s:
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


def without_pause(cue: Cue) -> Cue:
    """Return the cue with its end where its last word ends, at most 1 s after that began.

    YouTube keeps a line until the next one comes. Its last word would else last through the
    pause, and the centre of the cue would lie after what was said.
    """
    if not cue.words:
        return cue
    last = cue.words[-1]
    end_s = round(min(last.end_s, last.start_s + _LONGEST_LAST_WORD_S), 3)
    words = (*cue.words[:-1], Word(last.text, last.start_s, end_s))
    return Cue(cue.start_s, end_s, cue.text, words)


def in_order(
    cues: list[Cue], flags: set[str], language: str = "", file_format: str = ""
) -> Captions:
    """Sort cues by time, drop those without extent or speech, and note what was wrong.

    Raises:
        CaptionError: `W_CAPEMPTY` where no cue is left.
    """
    kept = []
    for cue in cues:
        if cue.end_s <= cue.start_s or cue.end_s <= 0:
            flags.add("W_CAPZERO")
            continue
        spoken = without_annotations(cue, flags)
        if spoken.end_s - spoken.start_s > LONG_CUE_S:
            flags.add("W_CAPLONG")
        if spoken.start_s < 0:
            flags.add("W_CAPNEG")
            spoken = _from_zero(spoken)
        if spoken.text:
            kept.append(spoken)
    if not kept:
        told = f"no usable cue among {len(cues)}" if cues else "nothing is said"
        raise CaptionError("W_CAPEMPTY", told)
    ordered = sorted(kept, key=lambda cue: (cue.start_s, cue.end_s))
    if ordered != kept:
        flags.add("W_CAPORDER")
    if any(one.end_s > two.start_s + 0.0005 for one, two in itertools.pairwise(ordered)):
        flags.add("W_CAPOVERLAP")
    return Captions(ordered, frozenset(flags), language, file_format)


def _from_zero(cue: Cue) -> Cue:
    words = tuple(
        Word(word.text, max(0.0, word.start_s), max(0.0, word.end_s)) for word in cue.words
    )
    return Cue(0.0, cue.end_s, cue.text, words)
