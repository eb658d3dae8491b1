"""Puts decoded frames in order of their times.

Decoders mean to do so themselves, but guess how far frames may be out of order where a stream
does not tell, or where its beginning is lost. Taken as they come, every frame that is late by one
would be left out.
"""

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

FrameT = TypeVar("FrameT")

WINDOW = 4
"""Frames that are held back: those of two levels of B-frames are out of order by three."""


class InOrder(Generic[FrameT]):
    """Holds back a few frames and hands on the earliest."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int, FrameT]] = []
        self._count = 0

    def push(self, ticks: int, frame: FrameT) -> Iterator[tuple[int, FrameT]]:
        """Take the next frame of the decoder; yield the earliest once enough are held."""
        # The count keeps frames of one time in their order, and frames from being compared.
        heapq.heappush(self._held, (ticks, self._count, frame))
        self._count += 1
        if len(self._held) > WINDOW:
            earliest, _, first = heapq.heappop(self._held)
            yield earliest, first

    def finish(self) -> Iterator[tuple[int, FrameT]]:
        """Yield what is left."""
        while self._held:
            earliest, _, first = heapq.heappop(self._held)
            yield earliest, first
