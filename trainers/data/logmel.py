"""Sound -> log-mel frames: of a whole clip, and averaged to a few positions for a model.

Mel scale of O'Shaughnessy (1987): mel = 2595 log10(1 + Hz / 700), triangular bands.

Shape letters in this file:
    N  audio samples    T  frames of the spectrogram    W  frequency bins    M  mel bands
    F  positions that a model is given
"""

import functools

import numpy as np
import torch
from torch import Tensor

_WINDOW_S = 0.032
_HOP_S = 0.016
FLOOR = 1e-10
"""-100 dB of full scale: digital silence, and the floor of the logarithm."""


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
    spectrum_WT = torch.stft(
        wave_N, width, round(_HOP_S * hz), window=window, center=False, return_complex=True
    )
    power_TW = spectrum_WT.abs().square().T / window.square().sum()
    return (power_TW @ _mel_filters(hz, width, mel_bands).T + FLOOR).log()


def averaged(mel_TM: np.ndarray, begin: float, end: float, positions: int) -> np.ndarray:
    """Return a stretch of a spectrogram as means over `positions` equal parts, `[F, M]`.

    Args:
        mel_TM: The spectrogram of all that is stored.
        begin: Where the stretch begins, as a share of the whole.
        end: Where it ends.
        positions: F; a stretch of fewer frames repeats some.
    """
    first = min(round(begin * len(mel_TM)), len(mel_TM) - 1)
    last = max(round(end * len(mel_TM)), first + 1)
    stretch_MT = torch.from_numpy(mel_TM[first:last]).T
    return torch.nn.functional.adaptive_avg_pool1d(stretch_MT, positions).T.numpy()


@functools.cache
def _mel_filters(hz: int, width: int, mel_bands: int) -> Tensor:
    """Return triangles `[M, W]` that reach from the centre before to the centre after."""
    top_mel = 2595 * np.log10(1 + hz / 2 / 700)
    corners_hz = 700 * (10 ** (np.linspace(0, top_mel, mel_bands + 2) / 2595) - 1)
    bins_hz = np.linspace(0, hz / 2, width // 2 + 1)
    low, centre, high = corners_hz[:-2, None], corners_hz[1:-1, None], corners_hz[2:, None]
    rising_MW = (bins_hz - low) / (centre - low)
    falling_MW = (high - bins_hz) / (high - centre)
    filters_MW = np.clip(np.minimum(rising_MW, falling_MW), 0, None)
    return torch.from_numpy(filters_MW.astype(np.float32))
