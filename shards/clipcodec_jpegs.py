"""Clips as a sequence of JPEGs, one behind the other in one member `.jpgs`.

Each frame stands alone, so one can be read without the others. `ffmpeg -f mjpeg -i CLIP.jpgs`
plays it.
"""

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image, UnidentifiedImageError

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN = 0xDA
_MARKER_BYTES = 2


def encode_jpegs(frames_THWC: Iterable[np.ndarray], quality: int) -> bytes:
    """Return the frames as JPEGs with colour at half size.

    Args:
        frames_THWC: uint8 RGB.
        quality: libjpeg's quality, 1 to 100.
    """
    buffer = io.BytesIO()
    for frame_HWC in frames_THWC:
        Image.fromarray(frame_HWC).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def split_jpegs(data: bytes) -> list[bytes]:
    """Return the single JPEGs of a sequence.

    Raises:
        ValueError: If the bytes are not JPEGs from the first to the last.
    """
    pictures, start = [], 0
    while start < len(data):
        stop = _end_of_picture(data, start)
        pictures.append(data[start:stop])
        start = stop
    return pictures


def _end_of_picture(data: bytes, start: int) -> int:
    """Walk the segments of the header by their lengths: a table may hold what looks like an end."""
    place = start + _MARKER_BYTES
    is_sound = data[start:place] == _START
    while is_sound and data[place : place + 1] == b"\xff" and len(data) > place + 3:
        kind = data[place + 1]
        place += _MARKER_BYTES + int.from_bytes(data[place + 2 : place + 4])
        if kind == _SCAN:
            # In a scan the byte after FF is 0, or a restart: FF D9 is the end and nothing else.
            end = data.find(_END, place)
            if end >= 0:
                return end + _MARKER_BYTES
            break
    raise ValueError(f"a sequence of JPEGs must hold whole ones, got a broken one at byte {start}")


def decode_jpegs(data: bytes) -> np.ndarray:
    """Return the frames of a sequence as uint8 RGB, (T, H, W, 3).

    Raises:
        ValueError: If a frame cannot be decoded, or has another size than the first.
    """
    frames = [_decode(picture) for picture in split_jpegs(data)]
    if len({frame.shape for frame in frames}) != 1:
        raise ValueError(f"a clip of {len(data)} bytes must hold frames of one size")
    return np.stack(frames)


def _decode(picture: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(picture), formats=["JPEG"]) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"a JPEG of {len(picture)} bytes must decode, got: {error}") from error
