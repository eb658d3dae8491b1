"""Log-mel statistics."""

import numpy as np
import pytest

from trainers.data.logmel import log_mel
from trainers.evaluation.audio import audio_feature, silent_feature

HZ = 16_000


def tone(hz: float, seconds: float = 1.0, level: float = 8000.0) -> np.ndarray:
    time_N = np.arange(int(seconds * HZ)) / HZ
    return (level * np.sin(2 * np.pi * hz * time_N)).astype(np.int16)


def test_the_feature_is_mean_and_deviation_over_time() -> None:
    wave_N = np.concatenate([tone(500), np.zeros(HZ, dtype=np.int16)])
    bands_TM = log_mel(wave_N, HZ, 16)
    feature = audio_feature(wave_N, HZ, 16)
    assert feature.dtype == np.float32
    assert feature[:16] == pytest.approx(bands_TM.mean(dim=0).numpy())
    assert feature[16:] == pytest.approx(bands_TM.std(dim=0, correction=0).numpy())


def test_a_clip_without_sound_stands_where_digital_silence_does() -> None:
    silence = audio_feature(np.zeros(HZ, dtype=np.int16), HZ, 40)
    assert silence == pytest.approx(silent_feature(40), abs=1e-4)


def test_sound_shorter_than_a_window_is_padded() -> None:
    assert np.isfinite(audio_feature(np.zeros(0, dtype=np.int16), HZ, 20)).all()
