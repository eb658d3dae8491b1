"""A decoded frame -> the stored picture: upright, square pixels, the wanted short side."""

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from pipeline.media.errors import MediaError

QUARTER_TURN = 90
# The same pixels whatever instructions the CPU has.
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


def display_size(
    width: int, height: int, sar: Fraction, rotation: int, short_side: int
) -> tuple[int, int]:
    """Return even (width, height) of the upright picture whose short side is `short_side`.

    Args:
        width: Width of the coded frame.
        height: Height of the coded frame.
        sar: Width of a pixel over its height.
        rotation: Degrees, a multiple of 90.
        short_side: Wanted short side in pixels.
    """
    aspect = Fraction(width, height) * sar
    if rotation % 180:
        aspect = 1 / aspect
    long_side = 2 * max(1, round(max(aspect, 1 / aspect) * short_side / 2))
    return (long_side, short_side) if aspect >= 1 else (short_side, long_side)


def nearest_quarter(degrees: int) -> int:
    """Return the multiple of 90 in [0, 360) that is nearest to an angle."""
    return round(degrees / QUARTER_TURN) * QUARTER_TURN % 360


class Scaler:
    """Turns and scales every frame of a video to the size that the first one fixes."""

    def __init__(self, short_side: int, max_side_px: int) -> None:
        self._short_side = short_side
        self._max_side_px = max_side_px
        # One for all frames: `frame.reformat` sets up swscale anew each time, 1 ms of it.
        self._reformatter = VideoReformatter()
        self.size: tuple[int, int] | None = None
        self.rotation = 0
        self.sar = Fraction(1)

    def fix(self, frame: av.VideoFrame, sar: Fraction) -> None:
        """Fix size and rotation by the first frame.

        Raises:
            MediaError: `E_HUGE` where the picture is so oblong that its long side is too long.
        """
        self.rotation = nearest_quarter(frame.rotation)
        self.sar = sar
        self.size = display_size(frame.width, frame.height, sar, self.rotation, self._short_side)
        if max(self.size) > self._max_side_px:
            raise MediaError(
                "E_HUGE", f"scaled to {self.size[0]}x{self.size[1]}, over {self._max_side_px} px"
            )

    def upright(self, frame: av.VideoFrame) -> np.ndarray:
        """Return uint8 RGB of shape (height, width, 3)."""
        assert self.size is not None
        width, height = self.size
        if self.rotation % 180:
            width, height = height, width
        scaled = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=_SCALING, threads=1
        )
        return np.rot90(scaled.to_ndarray(), self.rotation // QUARTER_TURN)
