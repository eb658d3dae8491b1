"""Log-mel spectrograms, and their averages over a clip."""

import numpy as np
import pytest
import torch

from trainers.data.logmel import averaged, log_mel

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


def test_sound_shorter_than_a_window_is_padded() -> None:
    assert torch.isfinite(log_mel(tone(500, 0.01), HZ, 20)).all()


def test_a_stretch_is_averaged_over_equal_parts() -> None:
    mel_TM = np.repeat(np.arange(12, dtype=np.float32)[:, None], 3, axis=1)
    whole = averaged(mel_TM, 0.0, 1.0, 4)
    assert whole.shape == (4, 3)
    assert whole[:, 0].tolist() == [1.0, 4.0, 7.0, 10.0]
    assert averaged(mel_TM, 0.5, 1.0, 2)[:, 1].tolist() == [7.0, 10.0]


def test_a_stretch_of_fewer_frames_than_positions_repeats_them() -> None:
    mel_TM = np.array([[1.0], [2.0]], dtype=np.float32)
    assert averaged(mel_TM, 0.0, 1.0, 4)[:, 0].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert averaged(mel_TM, 1.0, 1.0, 2)[:, 0].tolist() == [2.0, 2.0]
