"""A clip of the manifest -> frames, sound and windows, as a frozen model is shown them.

Shape letters in this file:
    T  frames that the model sees    H, W  pixels    C  colours
    F  positions of the sound    M  mel bands
"""

from dataclasses import dataclass

import numpy as np

from configs.data import DataConfig
from shards import storage
from shards.clipcodec import clip_audio, clip_frames, decode_audio
from shards.read import read_sample_at
from shards.schema import Sample, Window
from trainers.data.clips import augment, resize_short_side
from trainers.data.logmel import averaged, log_mel
from trainers.evaluation.audio import audio_feature, silent_feature
from trainers.evaluation.clips import Clip


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip that is read and decoded, on its way into a batch."""

    frames_THWC: np.ndarray
    audio: np.ndarray | None
    windows: tuple[Window, ...]
    heard: bool
    """Whether the clip has sound."""
    mel_FM: np.ndarray | None = None
    """Log-mel frames, as the translator gets them; None without sound, or where nobody asks."""


def see(
    clip: Clip, data: DataConfig, mel_bands: int | None, *, with_mel_frames: bool = False
) -> Seen:
    """Read a clip: its middle frames at an even stride, its centre crop.

    Args:
        clip: Where it lies.
        data: How training reads clips.
        mel_bands: Bands of the sound's feature; None leaves it out.
        with_mel_frames: Whether the sound is also read as the translator gets it.

    Raises:
        ValueError: If the sample cannot be read or decoded; says which.
    """
    path = storage.join(clip.folder, clip.shard)
    try:
        sample = read_sample_at(path, clip.offset, clip.length)
        all_THWC = clip_frames(sample, data.decoder)
        frames_THWC = augment(resize_short_side(all_THWC, data.resize), data, None)
        audio = None if mel_bands is None else _hear(sample, mel_bands)
        mel_FM = _mel_frames(sample, len(all_THWC), data) if with_mel_frames else None
    except (ValueError, OSError) as error:
        raise ValueError(
            f"sample {clip.key} of {path} must be readable, got: {error}; "
            "`weakvid verify` checks all of them"
        ) from error
    return Seen(frames_THWC, audio, sample.windows, sample.audio is not None, mel_FM)


def whole_square(data: DataConfig) -> DataConfig:
    """Return how published evaluations read clips: the whole centre square, scaled to size."""
    return data.model_copy(update={"resize": data.size})


def _hear(sample: Sample, mel_bands: int) -> np.ndarray:
    if sample.audio is None:
        return silent_feature(mel_bands)
    return audio_feature(*clip_audio(sample), mel_bands)


def _mel_frames(sample: Sample, num_frames: int, data: DataConfig) -> np.ndarray | None:
    """Return the sound of the clip without its margins, as in validation."""
    if sample.audio is None:
        return None
    margin = sample.margin / (num_frames + 2 * sample.margin)
    mel_TM = log_mel(*decode_audio(sample.audio), data.mel_bands).numpy()
    return averaged(mel_TM, margin, 1 - margin, data.mel_frames)
