"""Frames of a stored clip as small JPEGs inside the page.

Shape letters in this file:
    T  frames of the clip    H, W  pixels    C  colours, 3
"""

import base64
import io
import logging
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from shards import storage
from shards.clipcodec import clip_frames
from shards.read import read_sample_at
from shards.schema import Sample

logger = logging.getLogger(__name__)

_QUALITY = 82


def read_clip(out: str, shard: str, offset: int, length: int) -> Sample | None:
    """Return a committed sample, or none where it cannot be read.

    `shard` comes from a manifest or a grid file: only a plain file name is followed.
    """
    if Path(shard).name != shard or shard in {"", ".", ".."}:
        logger.warning("report: a shard must be a plain file name, got %r", shard[:80])
        return None
    try:
        return read_sample_at(storage.join(out, shard), int(offset), int(length))
    except (OSError, ValueError, TypeError) as error:
        logger.warning("report: %s at %s cannot be read: %s", shard, offset, error)
        return None


def decode_frames(sample: Sample) -> np.ndarray | None:
    """Return the clip's frames [T, H, W, C] as uint8, or none where they do not decode.

    Frames that are stored before and after `[t0_s, t1_s)` are left out.
    """
    try:
        return clip_frames(sample, decoder="pyav")
    except (OSError, ValueError, RuntimeError) as error:
        logger.warning("report: clip %s does not decode: %s", sample.key, error)
        return None


def filmstrip(frames_THWC: np.ndarray, places: list[int], width_px: int) -> Markup:
    """Return a data URI of the frames at `places`, side by side, each at most `width_px` wide."""
    encoded = base64.b64encode(film_jpeg(frames_THWC, places, width_px)).decode("ascii")
    return Markup("data:image/jpeg;base64,") + encoded


def film_jpeg(frames_THWC: np.ndarray, places: list[int], width_px: int) -> bytes:
    """Return a JPEG of the frames at `places`, side by side, each at most `width_px` wide."""
    height, width = frames_THWC.shape[1:3]
    if width > width_px:
        width, height = width_px, max(1, round(height * width_px / width))
    strip = Image.new("RGB", (width * len(places), height))
    for column, place in enumerate(places):
        picture = Image.fromarray(frames_THWC[place])
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        strip.paste(picture, (column * width, 0))
    out = io.BytesIO()
    strip.save(out, format="JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def spread(num_frames: int, count: int) -> list[int]:
    """Return `count` places spread evenly over `num_frames`, each in the middle of its share."""
    return [min(num_frames - 1, (2 * i + 1) * num_frames // (2 * count)) for i in range(count)]
