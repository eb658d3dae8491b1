"""Text and figures as the report shows them: harmless, short, the same everywhere."""

import math
import re

# Escape sequences first, whole, so that their printable tail does not stay behind.
_TERMINAL = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.)?")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\uffff]"
)
_MISSING = "\u2013"


def clean(text: str) -> str:
    """Return `text` without terminal escapes, control, bidirectional and invisible characters.

    Captions and file names come from strangers. HTML escaping is the template's business;
    this removes what survives it and changes how the text around it reads.
    """
    return _HIDDEN.sub("", _TERMINAL.sub("", text))


def shorten(text: str, limit: int) -> str:
    """Return `text` cut to `limit` characters, with an ellipsis where it was cut."""
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\u2026"


def number(value: object, digits: int = 3) -> str:
    """Return a figure at `digits` significant digits, integers whole, a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _MISSING
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u202f")
    if abs(value) >= 10**digits:
        return f"{value:,.0f}".replace(",", "\u202f")
    if abs(value) >= 1e-3:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        return f"{value:.{decimals}f}"
    return f"{value:.{digits - 1}e}"


def percent(value: object, digits: int = 1) -> str:
    """Return a share in 0..1 as a percentage, a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return _MISSING
    return f"{100 * value:.{digits}f}\u202f%"


def duration(seconds: object) -> str:
    """Return seconds as hours, minutes or seconds, whichever reads best."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return _MISSING
    for unit, size_s in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size_s:
            return f"{seconds / size_s:.1f}\u202f{unit}"
    return f"{seconds:.1f}\u202fs"


def num_bytes(value: object) -> str:
    """Return a number of bytes in the unit that reads best, a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return _MISSING
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= size:
            return f"{value / size:.1f}\u202f{unit}"
    return f"{value:.0f}\u202fB"


def as_float(value: object) -> float | None:
    """Return a finite figure as a float, none for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
