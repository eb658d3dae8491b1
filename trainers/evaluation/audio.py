"""Audio features without a network: mean and deviation over time of a log-mel spectrogram.

Shape letters in this file:
    N  audio samples        T  frames        M  mel bands
"""

import numpy as np
import torch

from trainers.data.logmel import FLOOR, log_mel


def audio_feature(samples_N: np.ndarray, hz: int, mel_bands: int) -> np.ndarray:
    """Return mean and deviation over time of each band, float32 of `[2 M]`."""
    bands_TM = log_mel(samples_N, hz, mel_bands)
    return torch.cat([bands_TM.mean(dim=0), bands_TM.std(dim=0, correction=0)]).numpy()


def silent_feature(mel_bands: int) -> np.ndarray:
    """Return the feature of digital silence: it stands for a clip without sound."""
    feature = np.zeros(2 * mel_bands, dtype=np.float32)
    feature[:mel_bands] = np.log(FLOOR)
    return feature
