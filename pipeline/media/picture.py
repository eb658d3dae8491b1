"""A decoded frame -> the stored picture: upright, square pixels, the wanted short side.

H.264 is made of planes (Y, and U and V at half size), so a frame's planes are scaled as they are
and go to the encoder without a copy; only the other encodings need RGB.
"""

from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from pipeline.media.errors import MediaError
from pipeline.media.tonemap import HLG, PQ, tone_map
from shards.clipcodec_h264 import UNSPECIFIED

QUARTER_TURN = 90
RGB_AXES = 3
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


_SCALER_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
"""swscale's name of a matrix by its number in ISO/IEC 23091-2."""

_BT601 = 6
_BT709 = 1
_NO_YUV = 0


class Scaler:
    """Turns and scales every frame of a video to the size that the first one fixes.

    Attributes:
        size: Width and height of the pictures, None before the first frame.
        rotation: Degrees by which frames are turned.
        matrix: How YUV of the pictures was made of RGB, as ISO/IEC 23091-2 numbers it.
    """

    def __init__(self, short_side: int, max_side_px: int, *, wants_rgb: bool) -> None:
        self._short_side = short_side
        self._max_side_px = max_side_px
        self._wants_rgb = wants_rgb
        # One for all frames: `frame.reformat` sets up swscale anew each time, 1 ms of it.
        self._reformatter = VideoReformatter()
        self._to_rgb48 = VideoReformatter()
        self.size: tuple[int, int] | None = None
        self.rotation = 0
        self.matrix = UNSPECIFIED
        self._transfer: int | None = None

    def fix(self, frame: av.VideoFrame, sar: Fraction) -> None:
        """Fix size, rotation and colours by the first frame.

        Raises:
            MediaError: `E_HUGE` where the picture is so oblong that its long side is too long.
        """
        self.rotation = nearest_quarter(frame.rotation)
        self.size = display_size(frame.width, frame.height, sar, self.rotation, self._short_side)
        if max(self.size) > self._max_side_px:
            raise MediaError(
                "E_HUGE", f"scaled to {self.size[0]}x{self.size[1]}, over {self._max_side_px} px"
            )
        if frame.color_trc in (PQ, HLG):
            self._transfer, self.matrix = int(frame.color_trc), _BT709
        elif frame.colorspace in _SCALER_MATRICES:
            self.matrix = int(frame.colorspace)
        elif frame.colorspace == _NO_YUV:
            self.matrix = _BT601

    def upright(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the picture, `rgb24` or `yuv420p`."""
        assert self.size is not None
        width, height = self.size
        if self.rotation % 180:
            width, height = height, width
        if self._transfer is not None:
            frame = self._to_standard_range(frame, width, height, self._transfer)
        if self._wants_rgb:
            scaled = self._reformatter.reformat(
                frame, width, height, "rgb24", interpolation=_SCALING, threads=1
            )
        else:
            scaled = self._reformatter.reformat(
                frame,
                width,
                height,
                "yuv420p",
                # Frames of another matrix than the first one's are brought to it.
                dst_colorspace=_SCALER_MATRICES.get(self.matrix),
                dst_color_range=ColorRange.MPEG,
                interpolation=_SCALING,
                threads=1,
            )
            # Else x264 would follow the uploader's encoder in which frames are key frames.
            scaled.pict_type = PictureType.NONE
        return _turn(scaled, self.rotation // QUARTER_TURN) if self.rotation else scaled

    def _to_standard_range(
        self, frame: av.VideoFrame, width: int, height: int, transfer: int
    ) -> av.VideoFrame:
        """Scale before the costly part: what is stored is small."""
        scaled = self._to_rgb48.reformat(
            frame, width, height, "rgb48le", interpolation=_SCALING, threads=1
        )
        mapped = av.VideoFrame.from_ndarray(tone_map(scaled.to_ndarray(), transfer), format="rgb24")
        mapped.pts, mapped.time_base = frame.pts, frame.time_base
        return mapped


def _turn(frame: av.VideoFrame, quarters: int) -> av.VideoFrame:
    pixels = frame.to_ndarray().astype(np.uint8, copy=False)
    if pixels.ndim == RGB_AXES:
        turned = np.rot90(pixels, quarters)
    else:
        height, width = frame.height, frame.width
        chroma = pixels[height:].reshape(2, height // 2, width // 2)
        planes = [np.rot90(plane, quarters) for plane in (pixels[:height], *chroma)]
        side = planes[0].shape[1]
        turned = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, side)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(turned), format=frame.format.name)
