"""WebVTT reader (https://www.w3.org/TR/webvtt1/), with the word times that some files carry.

Own parser: webvtt-py drops the `<00:00:01.000>` tags inside a cue, and ends a cue at a
line that holds one blank, which YouTube writes in the middle of cues.
"""

import re

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.text import plain
from pipeline.captions.timing import NUM_STAMP_GROUPS, TIMING_LINE, in_order, stamp_s, timed_words

_INLINE_TIME = re.compile(r"<(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})\.(\d{1,3})>")


def parse_webvtt(text: str) -> Captions:
    """Read a whole file.

    Raises:
        CaptionError: `E_CAPPARSE` where it is not WebVTT, `W_CAPEMPTY` where it has no cue.
    """
    header, _, body = text.partition("\n")
    if not re.match(r"WEBVTT(?:[ \t].*)?$", header):
        raise CaptionError("E_CAPPARSE", f"must begin with WEBVTT, got {header[:40]!r}")
    flags: set[str] = set()
    cues = [
        _parse_payload("\n".join(lines), start_s, end_s, flags)
        for start_s, end_s, lines in _cue_blocks(body.split("\n"), flags)
    ]
    if not cues and "-->" in body:
        raise CaptionError("E_CAPPARSE", "no cue has readable times")
    return in_order(cues, flags)


def _cue_blocks(lines: list[str], flags: set[str]) -> list[tuple[float, float, list[str]]]:
    """Cut at lines with times; an empty line ends a cue, a line of blanks does not."""
    blocks: list[tuple[float, float, list[str]]] = []
    is_open = False
    for line in lines:
        match = TIMING_LINE.match(line)
        if match is not None:
            groups = match.groups()
            times_s = stamp_s(groups[:NUM_STAMP_GROUPS]), stamp_s(groups[NUM_STAMP_GROUPS:])
            blocks.append((*times_s, []))
            is_open = True
        elif not line:
            is_open = False
        elif "-->" in line:
            flags.add("W_CAPTIME")
            is_open = False
        elif is_open:
            blocks[-1][2].append(line)
    return blocks


def _parse_payload(payload: str, start_s: float, end_s: float, flags: set[str]) -> Cue:
    # re.split keeps the groups, so the text runs stand at every fifth place.
    pieces = _INLINE_TIME.split(payload)
    stride = NUM_STAMP_GROUPS + 1
    whole = plain("".join(pieces[::stride]))
    if len(pieces) == 1:
        return Cue(start_s, end_s, whole)
    texts: list[str] = []
    spans: list[tuple[float | None, float | None]] = []
    for place in range(0, len(pieces), stride):
        run_start_s = stamp_s(pieces[place - NUM_STAMP_GROUPS : place]) if place else start_s
        following = pieces[place + 1 : place + stride]
        run_end_s = stamp_s(following) if following else end_s
        tokens = plain(pieces[place]).split()
        texts += tokens
        # Only a run's ends are known; the words of a longer run share it.
        spans += _run_spans(len(tokens), run_start_s, run_end_s)
    if texts != whole.split():
        # A tag stood inside a word, so its times do not belong to whole words.
        flags.add("W_WORDTIME")
        return Cue(start_s, end_s, whole)
    words, _ = timed_words(texts, spans, start_s, end_s)
    return Cue(start_s, end_s, whole, words)


def _run_spans(
    num_words: int, start_s: float, end_s: float
) -> list[tuple[float | None, float | None]]:
    step_s = (end_s - start_s) / max(1, num_words)
    return [
        (start_s + place * step_s, start_s + (place + 1) * step_s) for place in range(num_words)
    ]
