"""SubViewer reader, as YouTube exports it: `0:00:01.000,0:00:02.500`, then the text."""

import re

from pipeline.captions.cue import Block, CaptionError, Captions
from pipeline.captions.rolling import unrolled_cues
from pipeline.captions.stamps import stamp_s
from pipeline.captions.timing import in_order

_STAMP = r"(\d{1,4}):(\d{1,2}):(\d{1,2})\.(\d{1,3})"
TIMES = re.compile(rf"{_STAMP},{_STAMP}\s*$")


def parse_sbv(text: str) -> Captions:
    """Read a whole file; a block without readable times is left out and flagged.

    Raises:
        CaptionError: `E_CAPPARSE` where no block has times, `W_CAPEMPTY` where nothing is said.
    """
    flags: set[str] = set()
    blocks: list[Block] = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        first, *lines = block.split("\n")
        match = TIMES.match(first)
        if match is None:
            flags.add("W_CAPTIME")
            continue
        groups = match.groups()
        blocks.append(Block(stamp_s(groups[:4]), stamp_s(groups[4:]), lines))
    if not blocks:
        raise CaptionError("E_CAPPARSE", "no line of the form H:MM:SS.mmm,H:MM:SS.mmm")
    return in_order(unrolled_cues(blocks, flags), flags, file_format="sbv")
