"""A stored clip -> what the model sees: jitter in time, stride, resize, crop, flip.

Without a random generator everything is taken from the middle: validation and evaluation.

Shape letters in this file:
    M  stored frames with their margins    N  frames of the clip    T  frames that the model sees
    H, W  pixels    C  colours
"""

import numpy as np
import torch
from torch.nn import functional as F

from configs.data import DataConfig


def draw_start(margin: int, random: np.random.Generator | None) -> int:
    """Return at which stored frame the clip begins that is shown: up to `margin` either way.

    Args:
        margin: Frames stored before the clip, and as many after it.
        random: Source of the shift; None takes the clip itself.
    """
    return _offset(2 * margin, random) if margin else 0


def jitter(stored_MHWC: np.ndarray, margin: int, start: int) -> np.ndarray:
    """Return as many frames as the clip has, from the stored frame `start` on."""
    return stored_MHWC[start : start + len(stored_MHWC) - 2 * margin]


def resize_short_side(frames_NHWC: np.ndarray, side: int) -> np.ndarray:
    """Return the frames with their short side scaled to `side` pixels, aspect kept."""
    height, width = frames_NHWC.shape[1:3]
    short = min(height, width)
    if short == side:
        return frames_NHWC
    size = [max(side, round(height * side / short)), max(side, round(width * side / short))]
    frames_NCHW = torch.from_numpy(frames_NHWC).permute(0, 3, 1, 2)
    scaled_NCHW = F.interpolate(
        frames_NCHW, size=size, mode="bilinear", align_corners=False, antialias=True
    )
    return np.ascontiguousarray(scaled_NCHW.permute(0, 2, 3, 1).numpy())


def augment(
    frames_NHWC: np.ndarray, config: DataConfig, random: np.random.Generator | None
) -> np.ndarray:
    """Return `num_frames` frames of `size` x `size` pixels, contiguous.

    Args:
        frames_NHWC: A clip of any size; only the frames that are picked are resized.
        config: Frames, short side, crop and flip.
        random: Source of phase, place and flip; None takes the middle and never flips.

    Raises:
        ValueError: If the clip has fewer frames than the model wants.
    """
    picked_THWC = frames_NHWC[_pick_frames(len(frames_NHWC), config.num_frames, random)]
    picked_THWC = resize_short_side(picked_THWC, config.resize)
    height, width = picked_THWC.shape[1:3]
    top = _offset(height - config.size, random)
    left = _offset(width - config.size, random)
    cropped_THWC = picked_THWC[:, top : top + config.size, left : left + config.size]
    if random is not None and config.flip and random.integers(2):
        # numpy would copy three bytes at a time, which takes three times as long.
        return torch.from_numpy(cropped_THWC).flip(2).numpy()
    return np.ascontiguousarray(cropped_THWC)


def _pick_frames(stored: int, wanted: int, random: np.random.Generator | None) -> slice:
    """Return an even stride over the clip; what is left over makes room for the phase."""
    if stored < wanted:
        raise ValueError(
            f"a clip must hold at least data.num_frames = {wanted} frames, got {stored}"
        )
    stride = stored // wanted
    start = _offset(stored - 1 - (wanted - 1) * stride, random)
    return slice(start, start + (wanted - 1) * stride + 1, stride)


def _offset(room: int, random: np.random.Generator | None) -> int:
    return room // 2 if random is None else int(random.integers(room + 1))
