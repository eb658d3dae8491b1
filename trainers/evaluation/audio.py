"""Audio features without a network: mean and deviation over time of a log-mel spectrogram.

Mel scale of O'Shaughnessy (1987): mel = 2595 log10(1 + Hz / 700), triangular bands.

Shape letters in this file:
    N  audio samples        T  frames        B  frequency bins        M  mel bands
"""

import functools

import numpy as np
import torch
from torch import Tensor

_WINDOW_S = 0.032
_HOP_S = 0.016
# -100 dB of full scale: digital silence, and the floor of the logarithm.
_FLOOR = 1e-10


def log_mel(samples_N: np.ndarray, hz: int, mel_bands: int) -> Tensor:
    """Return the natural logarithm of the power in each band, `[T, M]`.

    Args:
        samples_N: int16, mono.
        hz: Samples a second.
        mel_bands: M, spread evenly in mel from 0 Hz to half of `hz`.
    """
    width = 2 ** round(np.log2(_WINDOW_S * hz))
    wave_N = torch.from_numpy(samples_N.astype(np.float32) / 32768)
    if len(wave_N) < width:
        wave_N = torch.nn.functional.pad(wave_N, (0, width - len(wave_N)))
    window = torch.hann_window(width)
    spectrum_BT = torch.stft(
        wave_N, width, round(_HOP_S * hz), window=window, center=False, return_complex=True
    )
    power_TB = spectrum_BT.abs().square().T / window.square().sum()
    return (power_TB @ _mel_filters(hz, width, mel_bands).T + _FLOOR).log()


def audio_feature(samples_N: np.ndarray, hz: int, mel_bands: int) -> np.ndarray:
    """Return mean and deviation over time of each band, float32 of `[2 M]`."""
    bands_TM = log_mel(samples_N, hz, mel_bands)
    return torch.cat([bands_TM.mean(dim=0), bands_TM.std(dim=0, correction=0)]).numpy()


def silent_feature(mel_bands: int) -> np.ndarray:
    """Return the feature of digital silence: it stands for a clip without sound."""
    feature = np.zeros(2 * mel_bands, dtype=np.float32)
    feature[:mel_bands] = np.log(_FLOOR)
    return feature


@functools.cache
def _mel_filters(hz: int, width: int, mel_bands: int) -> Tensor:
    """Return triangles `[M, B]` that reach from the centre before to the centre after."""
    top_mel = 2595 * np.log10(1 + hz / 2 / 700)
    corners_hz = 700 * (10 ** (np.linspace(0, top_mel, mel_bands + 2) / 2595) - 1)
    bins_hz = np.linspace(0, hz / 2, width // 2 + 1)
    low, centre, high = corners_hz[:-2, None], corners_hz[1:-1, None], corners_hz[2:, None]
    rising_MB = (bins_hz - low) / (centre - low)
    falling_MB = (high - bins_hz) / (high - centre)
    filters_MB = np.clip(np.minimum(rising_MB, falling_MB), 0, None)
    return torch.from_numpy(filters_MB.astype(np.float32))
