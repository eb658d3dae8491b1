"""The one resampling of a video: for each grid time the source frame nearest in PTS.

ffmpeg's `fps` filter is off by a frame for most frames at 24 and 29.97 fps, and indexing by
the average rate is off by seconds where the rate varies, so frames are chosen by their time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Generic, TypeVar

FrameT = TypeVar("FrameT")


@dataclass(frozen=True, slots=True)
class Clock:
    """Exact times in whole ticks: no tie between two frames is lost to rounding.

    Ticks divide a second so finely that PTS, the zero of the container and the grid are whole.
    """

    ticks_per_s: int
    ticks_per_pts: int
    zero_ticks: int
    fps: int

    @classmethod
    def of(cls, time_base: Fraction, zero_s: Fraction, fps: int) -> "Clock":
        """Return the clock of one stream on one grid."""
        ticks_per_s = lcm(time_base.denominator, zero_s.denominator, 2 * fps)
        return cls(
            ticks_per_s=ticks_per_s,
            ticks_per_pts=int(time_base * ticks_per_s),
            zero_ticks=int(zero_s * ticks_per_s),
            fps=fps,
        )

    def ticks(self, pts: int) -> int:
        """Return the time of a PTS since the zero of the container."""
        return pts * self.ticks_per_pts - self.zero_ticks

    def slot_ticks(self, slot: int) -> int:
        """Return the time of a slot of the grid."""
        return slot * self.ticks_per_s // self.fps

    def seconds(self, ticks: int) -> float:
        """Return ticks as seconds."""
        return ticks / self.ticks_per_s


class GridSampler(Generic[FrameT]):
    """Maps frames in order of time to the wanted slots of the grid.

    Args:
        clock: Ticks of the grid.
        slots: The wanted slots, ascending.
    """

    def __init__(self, clock: Clock, slots: Sequence[int]) -> None:
        self.clock = clock
        self._slots = slots
        self._place = 0
        self._last: tuple[int, FrameT] | None = None
        self.num_backward = 0

    @property
    def is_done(self) -> bool:
        """Whether every wanted slot has its frame."""
        return self._place == len(self._slots)

    @property
    def last_ticks(self) -> int | None:
        """Time of the newest frame."""
        return None if self._last is None else self._last[0]

    def push(self, ticks: int, frame: FrameT) -> Iterator[tuple[int, int, FrameT]]:
        """Yield (slot, ticks, frame) of the slots that are nearer to the frame before.

        A tie goes to the earlier frame. A frame that does not advance in time is left out.
        """
        if self._last is not None:
            if ticks <= self._last[0]:
                self.num_backward += 1
                return
            # slot - last <= ticks - slot, in whole numbers
            yield from self._emit_until((self._last[0] + ticks) // 2 + 1)
        self._last = ticks, frame

    def finish(self, end_ticks: int) -> Iterator[tuple[int, int, FrameT]]:
        """Yield the slots before the end of the last frame."""
        if self._last is not None:
            yield from self._emit_until(end_ticks)

    def _emit_until(self, stop_ticks: int) -> Iterator[tuple[int, int, FrameT]]:
        assert self._last is not None
        while not self.is_done:
            slot = self._slots[self._place]
            if self.clock.slot_ticks(slot) >= stop_ticks:
                return
            self._place += 1
            yield slot, *self._last
