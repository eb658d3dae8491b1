"""Log-mel statistics."""

import numpy as np
import pytest
import torch

from trainers.evaluation.audio import audio_feature, log_mel, silent_feature

HZ = 16_000


def tone(hz: float, seconds: float = 1.0, level: float = 8000.0) -> np.ndarray:
    time_N = np.arange(int(seconds * HZ)) / HZ
    return (level * np.sin(2 * np.pi * hz * time_N)).astype(np.int16)


def test_a_tone_is_loudest_in_the_band_of_its_mel() -> None:
    for hz in (300.0, 1000.0, 5000.0):
        loudest = int(log_mel(tone(hz), HZ, 40).mean(dim=0).argmax())
        mel, top_mel = (2595 * np.log10(1 + f / 700) for f in (hz, HZ / 2))
        assert loudest == pytest.approx(mel / top_mel * 41 - 1, abs=1)


def test_ten_times_the_amplitude_adds_the_logarithm_of_a_hundred() -> None:
    quiet, loud = (log_mel(tone(1000, level=x), HZ, 40).max() for x in (1000.0, 10000.0))
    assert float(loud - quiet) == pytest.approx(np.log(100), abs=0.01)


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
    assert torch.isfinite(log_mel(tone(500, 0.01), HZ, 20)).all()
    assert np.isfinite(audio_feature(np.zeros(0, dtype=np.int16), HZ, 20)).all()
