"""A clip and the narration windows around it on one time axis, in percent of its width."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shards.schema import Sample, Window

_LAST_TICK = 97.0
_NUM_TICKS = 6
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 300, 600, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of seconds that is drawn over the whole width."""

    start_s: float
    end_s: float

    def at(self, time_s: float) -> float:
        """Return where a time lies, in percent."""
        return round(100 * (time_s - self.start_s) / (self.end_s - self.start_s), 3)

    def width(self, seconds: float) -> float:
        """Return how wide a span is, in percent."""
        return round(100 * seconds / (self.end_s - self.start_s), 3)

    def ticks(self) -> list[tuple[float, str]]:
        """Return about five places with their times, at round seconds."""
        span_s = self.end_s - self.start_s
        step_s = next((s for s in _STEPS_S if span_s / s <= _NUM_TICKS), 36_000)
        first = math.ceil(self.start_s / step_s) * step_s
        times = range(first, math.floor(self.end_s) + 1, step_s)
        places = [(self.at(time_s), clock(time_s)) for time_s in times]
        return [(left, label) for left, label in places if left < _LAST_TICK]


@dataclass(frozen=True, slots=True)
class Lane:
    """One window of a bag. `place` counts from 0, the nearest; `left` and `width` are percent."""

    window: Window
    place: int
    left: float
    width: float


def axis_of(windows: Sequence[Window], start_s: float, end_s: float) -> Axis:
    """Return an axis that holds the clip `[start_s, end_s)` and all its windows."""
    first_s = min([start_s, *(window.start_s for window in windows)])
    last_s = max([end_s, *(window.end_s for window in windows)])
    margin_s = 0.02 * (last_s - first_s)
    return Axis(max(0.0, first_s - margin_s), last_s + margin_s)


def lanes_of(sample: Sample, axis: Axis) -> list[Lane]:
    """Return the windows of a bag in order of time."""
    lanes = [
        Lane(window, place, axis.at(window.start_s), axis.width(window.end_s - window.start_s))
        for place, window in enumerate(sample.windows)
    ]
    return sorted(lanes, key=lambda lane: (lane.window.start_s, lane.window.end_s))


def clock(seconds: float) -> str:
    """Return whole seconds as minutes and seconds, with hours where there are any."""
    minutes, rest_s = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest_s:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest_s:02d}"
