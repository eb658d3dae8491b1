"""A clip of the manifest -> frames, sound and windows, as a frozen model is shown them.

Shape letters in this file:
    T  frames that the model sees    H, W  pixels    C  colours
"""

from dataclasses import dataclass

import numpy as np

from configs.data import DataConfig
from shards import storage
from shards.clipcodec import clip_audio, clip_frames
from shards.read import read_sample_at
from shards.schema import Sample, Window
from trainers.data.clips import augment, resize_short_side
from trainers.evaluation.audio import audio_feature, silent_feature
from trainers.evaluation.clips import Clip


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip that is read and decoded, on its way into a batch."""

    frames_THWC: np.ndarray
    audio: np.ndarray | None
    windows: tuple[Window, ...]


def see(clip: Clip, data: DataConfig, mel_bands: int | None) -> Seen:
    """Read a clip: its middle frames at an even stride, its centre crop.

    Args:
        clip: Where it lies.
        data: How training reads clips.
        mel_bands: Bands of the sound's feature; None leaves the sound out.

    Raises:
        ValueError: If the sample cannot be read or decoded; says which.
    """
    path = storage.join(clip.folder, clip.shard)
    try:
        sample = read_sample_at(path, clip.offset, clip.length)
        frames_THWC = resize_short_side(clip_frames(sample, data.decoder), data.resize)
        frames_THWC = augment(frames_THWC, data, None)
        audio = None if mel_bands is None else _hear(sample, mel_bands)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"sample {clip.key} of {path} must be readable, got: {error}; "
            "`weakvid verify` checks all of them"
        ) from error
    return Seen(frames_THWC, audio, sample.windows)


def whole_square(data: DataConfig) -> DataConfig:
    """Return how published evaluations read clips: the whole centre square, scaled to size."""
    return data.model_copy(update={"resize": data.size})


def _hear(sample: Sample, mel_bands: int) -> np.ndarray:
    if sample.audio is None:
        return silent_feature(mel_bands)
    return audio_feature(*clip_audio(sample), mel_bands)
