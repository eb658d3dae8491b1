"""Text of a cue -> words with the times of the `<00:00:01.000>` tags that stand in it."""

import re
from collections.abc import Sequence

from pipeline.captions.cue import Block, Cue
from pipeline.captions.stamps import read_stamp
from pipeline.captions.text import plain
from pipeline.captions.timing import timed_words

_INLINE_TIME = re.compile(r"<((?:\d{1,6}:)?\d{1,2}:\d{2}\.\d{3})>")


def has_times(line: str) -> bool:
    """Return whether a line of a cue has tags of time."""
    return _INLINE_TIME.search(line) is not None


def block_cue(block: Block, flags: set[str]) -> Cue:
    """Return the cue of a block; `W_WORDTIME` is flagged where word times had to be made up."""
    # re.split keeps the group, so the text runs stand at every second place.
    pieces = _INLINE_TIME.split("\n".join(block.lines))
    runs = [plain(piece).split() for piece in pieces[::2]]
    whole = plain("".join(pieces[::2]))
    if len(pieces) == 1:
        return Cue(block.start_s, block.end_s, whole)
    if [token for run in runs for token in run] != whole.split():
        # A tag stood inside a word, so its times do not belong to whole words.
        flags.add("W_WORDTIME")
        return Cue(block.start_s, block.end_s, whole)
    stamps = [read_stamp(piece, 0, flags) for piece in pieces[1::2]]
    edges_s = [block.start_s, *(stamp and stamp[0] for stamp in stamps), block.end_s]
    spans = _spans([len(run) for run in runs], edges_s)
    words, mended = timed_words(whole.split(), spans, block.start_s, block.end_s)
    if mended:
        flags.add("W_WORDTIME")
    return Cue(block.start_s, block.end_s, whole, words)


def _spans(
    lengths: Sequence[int], edges_s: Sequence[float | None]
) -> list[tuple[float | None, float | None]]:
    """Only the ends of a run are known; the words of a longer run share it."""
    spans: list[tuple[float | None, float | None]] = []
    for place, num_words in enumerate(lengths):
        start_s, end_s = edges_s[place], edges_s[place + 1]
        if start_s is None or end_s is None or end_s < start_s:
            spans += [(start_s if index == 0 else None, None) for index in range(num_words)]
            continue
        step_s = (end_s - start_s) / max(1, num_words)
        spans += [
            (start_s + index * step_s, start_s + (index + 1) * step_s) for index in range(num_words)
        ]
    return spans
