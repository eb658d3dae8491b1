r"""SubStation Alpha reader (SSA and ASS): the dialogue lines of `[Events]`.

The `Format` line names the columns, the last of which takes the rest of the line, commas and
all. `{\an8}` are instructions and `\N` a line break; comments are not spoken.
"""

import re

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.stamps import stamp_s
from pipeline.captions.text import tidy
from pipeline.captions.timing import in_order

# The hundredths stand after a point; some writers put a colon.
_STAMP = re.compile(r"(\d{1,4}):(\d{1,2}):(\d{1,2})[.:,](\d{1,3})$")
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_BREAK = re.compile(r"\\[Nnh]")
_DEFAULT_FORMAT = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


def parse_substation(text: str) -> Captions:
    """Read a whole file.

    Raises:
        CaptionError: `E_CAPPARSE` where no dialogue has times, `W_CAPEMPTY` where nothing is said.
    """
    flags: set[str] = set()
    cues: list[Cue] = []
    is_event = False
    names = _names(_DEFAULT_FORMAT)
    for line in text.split("\n"):
        kind, _, rest = line.strip().partition(":")
        if kind.startswith("["):
            is_event = kind.strip().lower() == "[events]"
        elif kind == "Format" and is_event:
            names = _names(rest)
        elif kind == "Dialogue" and is_event:
            cue = _parse_dialogue(rest, names)
            cues += [cue] if cue is not None else []
            flags |= {"W_CAPTIME"} if cue is None else set()
    if not cues:
        raise CaptionError("E_CAPPARSE", "no dialogue of [Events] has times")
    return in_order(cues, flags, file_format="ass")


def dialogue_text(markup: str) -> str:
    """Return what is said in the text column of a dialogue line."""
    return tidy(_BREAK.sub(" ", _OVERRIDE.sub("", markup)))


def _names(rest: str) -> list[str]:
    return [name.strip().lower() for name in rest.split(",")]


def _parse_dialogue(rest: str, names: list[str]) -> Cue | None:
    row = dict(zip(names, rest.split(",", len(names) - 1), strict=False))
    start, end = (_STAMP.match(row.get(name, "").strip()) for name in ("start", "end"))
    if start is None or end is None or "text" not in row:
        return None
    return Cue(stamp_s(start.groups()), stamp_s(end.groups()), dialogue_text(row["text"]))
