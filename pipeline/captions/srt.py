"""SubRip reader. Times mark the cues; indexes and blank lines may be missing or wrong."""

from pipeline.captions.cue import Block, CaptionError, Captions
from pipeline.captions.rolling import unrolled_cues
from pipeline.captions.stamps import ARROW, NUM_STAMP_GROUPS, TIMING_LINE, stamp_s
from pipeline.captions.timing import in_order


def parse_srt(text: str) -> Captions:
    """Read a whole file.

    Raises:
        CaptionError: `E_CAPPARSE` where no line has times, `W_CAPEMPTY` where no cue has text.
    """
    lines = text.split("\n")
    matches = [(number, TIMING_LINE.match(line)) for number, line in enumerate(lines)]
    timed = [(number, match) for number, match in matches if match is not None]
    if not timed:
        code = "E_CAPPARSE" if text.strip() else "W_CAPEMPTY"
        raise CaptionError(code, "no known format: not even a line HH:MM:SS,mmm --> HH:MM:SS,mmm")
    flags: set[str] = set()
    if text.count("-->") > len(timed):
        flags.add("W_CAPTIME")
    stops = [number for number, _ in timed[1:]] + [len(lines)]
    blocks = []
    for (number, match), stop in zip(timed, stops, strict=True):
        payload = lines[number + 1 : stop]
        # The line before the next times is the next cue's index, not speech.
        if stop < len(lines) and payload and payload[-1].strip().isdigit():
            payload = payload[:-1]
        payload = _up_to_untimed(payload, flags)
        groups = match.groups()
        times_s = stamp_s(groups[:NUM_STAMP_GROUPS]), stamp_s(groups[NUM_STAMP_GROUPS:])
        blocks.append(Block(*times_s, payload))
    return in_order(unrolled_cues(blocks, flags), flags, file_format="srt")


def _up_to_untimed(payload: list[str], flags: set[str]) -> list[str]:
    """Leave out a cue without times: an index after an empty line, or an arrow without stamps."""
    for place, line in enumerate(payload):
        is_index = place > 0 and not payload[place - 1].strip() and line.strip().isdigit()
        if is_index or ARROW in line:
            flags.add("W_CAPTIME")
            return payload[:place]
    return payload
