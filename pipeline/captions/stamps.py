"""Time stamps as caption files write them -> seconds."""

import re
from collections.abc import Sequence

# SRT: hours and fraction are optional, digits may lack padding, a comma stands for the point.
_LOOSE = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
NUM_STAMP_GROUPS = 4
TIMING_LINE = re.compile(rf"^\s*{_LOOSE}\s*-->\s*{_LOOSE}(?!\d).*$")

ARROW = "-->"
_SIXTY = 60
# WebVTT: hours of any length (six digits are 114 years), the rest padded. Without seconds, a
# first number over 59 can only be hours; the standard refuses it, vtt.js takes it as such.
_HOURS_AND_MINUTES = re.compile(r"[ \t]*(\d{3,6}|[6-9]\d):(\d{2})()\.(\d{3})(?!\d)[ \t]*")
_STRICT = re.compile(r"[ \t]*(?:(\d{1,6}):)?(\d{2}):(\d{2})\.(\d{3})(?!\d)[ \t]*")
# Not WebVTT, but written: Microsoft Teams pads nothing (0:0:3.5), converters leave SRT's comma.
_UNPADDED = re.compile(r"[ \t]*(\d{1,6}):(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?!\d)[ \t]*")
_COMMA = re.compile(r"[ \t]*()(\d{2}):(\d{2}),(\d{3})(?!\d)[ \t]*")


def stamp_s(groups: Sequence[str | None]) -> float:
    """Seconds of the four groups of a stamp: hours, minutes, seconds, fraction."""
    hours, minutes, seconds, fraction = (group or "0" for group in groups)
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return round(whole + int(fraction.ljust(3, "0")) / 1000, 3)


def cue_times_s(line: str, flags: set[str]) -> tuple[float, float] | None:
    """Return the times of a WebVTT line `START --> END settings`; None where it has none.

    Flags `W_CAPTIME` where a stamp is not one of the standard's.
    """
    start = read_stamp(line, 0, flags)
    if start is not None and line.startswith(ARROW, start[1]):
        end = read_stamp(line, start[1] + len(ARROW), flags)
        if end is not None:
            return start[0], end[0]
    flags.add("W_CAPTIME")
    return None


def read_stamp(line: str, place: int, flags: set[str]) -> tuple[float, int] | None:
    """Return the seconds of the WebVTT stamp at a place of a line, and where it ends."""
    for pattern in (_HOURS_AND_MINUTES, _STRICT, _UNPADDED, _COMMA):
        match = pattern.match(line, place)
        if match is None:
            continue
        if pattern in (_UNPADDED, _COMMA):
            flags.add("W_CAPTIME")
        _, minutes, seconds, _ = match.groups()
        if int(minutes) >= _SIXTY or int(seconds or 0) >= _SIXTY:
            return None
        return stamp_s(match.groups()), match.end()
    return None
