"""Time expressions of TTML (https://www.w3.org/TR/ttml2/#timing-value-time-expression)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pipeline.captions.documents import seconds

_CLOCK = re.compile(r"(\d{1,5}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9})|:(\d{1,6})(?:\.(\d{1,6}))?)?$")
_OFFSET = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(h|ms|m|s|f|t)$")
_DEFAULT_FRAMES = 30.0


@dataclass(frozen=True, slots=True)
class Clock:
    """How many frames, parts of frames and ticks a document counts in a second."""

    frames_per_s: float = _DEFAULT_FRAMES
    subframes: float = 1.0
    ticks_per_s: float = 1.0

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Return the clock that the `ttp:` parameters of the root element set, by local name."""
        rate = _positive(parameters.get("frameRate"))
        subframes = _positive(parameters.get("subFrameRate")) or 1.0
        parts = re.split(r"[\s:]+", parameters.get("frameRateMultiplier", "").strip())
        over, under = (_positive(part) for part in parts) if len(parts) == 2 else (1.0, 1.0)
        frames = (rate or _DEFAULT_FRAMES) * ((over or 1.0) / (under or 1.0))
        # Ticks are frames where only a frame rate is given, else seconds.
        ticks = _positive(parameters.get("tickRate")) or (frames * subframes if rate else 1.0)
        return cls(frames, subframes, ticks)

    def seconds(self, expression: str) -> float | None:
        """Return the time that an expression means; None where it is none."""
        expression = expression.strip()
        if match := _CLOCK.match(expression):
            hours, minutes, whole, fraction, frames, parts = (
                group or "0" for group in match.groups()
            )
            count = int(frames) + int(parts) / self.subframes
            base = int(hours) * 3600 + int(minutes) * 60 + int(whole)
            return seconds(base + float(f"0.{fraction}") + count / self.frames_per_s)
        if match := _OFFSET.match(expression):
            unit_s = {
                "h": 3600.0,
                "m": 60.0,
                "s": 1.0,
                "ms": 0.001,
                "f": 1 / self.frames_per_s,
                "t": 1 / self.ticks_per_s,
            }[match[2]]
            return seconds(float(match[1]) * unit_s)
        return None


def _positive(text: str | None) -> float:
    """A number over zero and of a sane size, else 0."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if 1e-3 <= value <= 1e9 else 0.0
