"""WebVTT reader (https://www.w3.org/TR/webvtt1/), with the word times that some files carry.

Own parser: webvtt-py drops the `<00:00:01.000>` tags inside a cue, and ends a cue at a
line that holds one blank, which YouTube writes in the middle of cues.
"""

import re

from pipeline.captions.cue import Block, CaptionError, Captions
from pipeline.captions.rolling import unrolled_cues
from pipeline.captions.stamps import ARROW, cue_times_s
from pipeline.captions.tags import language_of
from pipeline.captions.timing import in_order

_SIGNATURE = re.compile(r"WEBVTT(?:[ \t].*)?$")
_LANGUAGE = re.compile(r"Language:[ \t]*(\S{1,40})[ \t]*$")


def parse_webvtt(text: str) -> Captions:
    """Read a whole file; a rolling one is unrolled, so that each word stands once.

    Raises:
        CaptionError: `E_CAPPARSE` where it is not WebVTT, `W_CAPEMPTY` where it has no cue.
    """
    flags: set[str] = set()
    header, blocks = read_blocks(text, flags)
    if not blocks and "W_CAPTIME" in flags:
        raise CaptionError("E_CAPPARSE", "no cue has readable times")
    found = [match[1] for line in header if (match := _LANGUAGE.match(line))]
    language = language_of(found[0]) if found else ""
    return in_order(unrolled_cues(blocks, flags), flags, language, "webvtt")


def read_blocks(text: str, flags: set[str]) -> tuple[list[str], list[Block]]:
    """Return the lines of the header, and the cues with their text as it is written.

    A line with an arrow begins a cue, an empty line ends it, a line of blanks does not. Cues
    whose times cannot be read are left out, and flagged in `flags`.

    Raises:
        CaptionError: `E_CAPPARSE` where the first line is not that of a WebVTT file.
    """
    first, *lines = text.split("\n")
    if not _SIGNATURE.match(first):
        raise CaptionError("E_CAPPARSE", f"must begin with WEBVTT, got {first[:40]!r}")
    ends = (place for place, line in enumerate(lines) if not line or ARROW in line)
    header = lines[: next(ends, len(lines))]
    blocks: list[Block] = []
    is_open = False
    for line in lines[len(header) :]:
        if ARROW in line:
            times_s = cue_times_s(line, flags)
            is_open = times_s is not None
            if times_s is not None:
                blocks.append(Block(*times_s, []))
        elif not line:
            is_open = False
        elif is_open:
            blocks[-1].lines.append(line)
    return header, blocks
