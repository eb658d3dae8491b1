"""What a clip's pictures and sound are worth: black, too dark, static, near-silent.

Measured on every fourth row and column of the scaled pictures, in whole numbers: cheap, and the
same on every machine.

Shape letters: H and W pixels, N samples of sound.
"""

import math
from collections.abc import Sequence

import av
import numpy as np

from pipeline.media.request import Request

_STEP = 4
_BLACK, _SPAN = 16, 219
"""Luma of black, and from there to white, in 8 bits of limited range."""

_FULL_SCALE = 32768


def small_luma(picture: av.VideoFrame) -> np.ndarray:
    """Return the luma of limited range of a picture, thinned out, int16.

    Args:
        picture: `rgb24` or `yuv420p`.
    """
    if picture.format.name == "yuv420p":
        plane = picture.planes[0]
        luma_HW = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return luma_HW[: picture.height : _STEP, : picture.width : _STEP].astype(np.int16)
    pixels = picture.to_ndarray()
    red, green, blue = np.moveaxis(pixels[::_STEP, ::_STEP].astype(np.int32), 2, 0)
    # BT.601 in 8-bit whole numbers
    return (_BLACK + ((66 * red + 129 * green + 25 * blue + 128) >> 8)).astype(np.int16)


def brightness(luma: np.ndarray) -> float:
    """Return the mean of a picture's luma, 0 black and 1 white."""
    return (int(luma.sum(dtype=np.int64)) / luma.size - _BLACK) / _SPAN


def picture_flags(lumas: Sequence[np.ndarray], request: Request) -> list[str]:
    """Return the flags of a clip's pictures.

    Args:
        lumas: `small_luma` of each.
        request: Holds the thresholds.
    """
    levels = [brightness(luma) for luma in lumas]
    num_black = sum(level < request.black_below for level in levels)
    found = {
        "W_BLACK": 2 * num_black >= len(levels),
        "W_DARK": sum(levels) / len(levels) < request.dark_below,
        "W_STATIC": all(_difference(lumas[0], luma) < request.static_below for luma in lumas[1:]),
    }
    return [flag for flag, is_so in found.items() if is_so]


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return int(np.abs(one - other).sum(dtype=np.int64)) / one.size / _SPAN


def sound_flags(samples_N: np.ndarray, request: Request) -> list[str]:
    """Return the flags of a clip's sound.

    Args:
        samples_N: int16 samples.
        request: Holds the threshold.
    """
    wide_N = samples_N.astype(np.int64)
    power = int((wide_N * wide_N).sum()) / max(1, wide_N.size) / _FULL_SCALE**2
    level_db = 10 * math.log10(power) if power else -math.inf
    return ["W_SILENT"] if level_db < request.silent_below_db else []
