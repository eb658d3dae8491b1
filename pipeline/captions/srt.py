"""SubRip reader. Times mark the cues; indexes and blank lines may be missing or wrong."""

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.text import plain
from pipeline.captions.timing import NUM_STAMP_GROUPS, TIMING_LINE, in_order, stamp_s


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
        raise CaptionError(code, "no line of the form HH:MM:SS,mmm --> HH:MM:SS,mmm")
    flags: set[str] = set()
    if text.count("-->") > len(timed):
        flags.add("W_CAPTIME")
    stops = [number for number, _ in timed[1:]] + [len(lines)]
    cues = []
    for (number, match), stop in zip(timed, stops, strict=True):
        payload = lines[number + 1 : stop]
        # The line before the next times is the next cue's index, not speech.
        if stop < len(lines) and payload and payload[-1].strip().isdigit():
            payload = payload[:-1]
        groups = match.groups()
        cues.append(
            Cue(
                stamp_s(groups[:NUM_STAMP_GROUPS]),
                stamp_s(groups[NUM_STAMP_GROUPS:]),
                plain("\n".join(payload)),
            )
        )
    return in_order(cues, flags)
