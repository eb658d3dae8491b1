"""High dynamic range -> the range of the stored clips: PQ or HLG in BT.2020 to BT.709.

Reference white (203 cd/m2, ITU-R BT.2408) stays white-ish, brighter light is compressed by the
Mobius curve of ffmpeg's `tonemap` filter. Powers come from tables and the rest is plain IEEE
arithmetic, so that the pixels do not depend on the instructions of the CPU. Sources: ITU-R
BT.2100 (PQ and HLG), BT.2087 (primaries), BT.1886 (display).
"""

import functools

import numpy as np

PQ, HLG = 16, 18
"""Transfer functions in ISO/IEC 23091-2."""

WHITE_NITS = 203.0
PEAK_NITS = 1000.0
_KNEE = 0.3
_HLG_GAMMA = 1.2
_DISPLAY_GAMMA = 2.4
_LUMA_2020 = (0.2627, 0.6780, 0.0593)
_TO_709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
_STEPS = 4096


def tone_map(pixels_HWC: np.ndarray, transfer: int) -> np.ndarray:
    """Return uint8 RGB for a display of BT.709.

    Args:
        pixels_HWC: uint16 RGB of the full range, primaries of BT.2020.
        transfer: `PQ` or `HLG`.
    """
    light = _linear_table(transfer)[pixels_HWC >> 4]
    red, green, blue = light[..., 0], light[..., 1], light[..., 2]
    if transfer == HLG:
        # Scene light becomes light of a display of 1000 cd/m2.
        scene = _LUMA_2020[0] * red + _LUMA_2020[1] * green + _LUMA_2020[2] * blue
        gain = _hlg_gain_table()[_index(scene, _STEPS)]
        red, green, blue = red * gain, green * gain, blue * gain
    brightest = np.maximum(np.maximum(red, green), blue)
    factor = _mobius(brightest) / np.maximum(brightest, np.float32(1e-6))
    red, green, blue = red * factor, green * factor, blue * factor
    rows = [row[0] * red + row[1] * green + row[2] * blue for row in _TO_709]
    return _display_table()[_index(np.stack(rows, axis=-1), 1 << 16)]


def _index(values: np.ndarray, num_steps: int) -> np.ndarray:
    """Return the place of values of [0, 1] in a table."""
    return (np.clip(values, 0, 1) * np.float32(num_steps - 1) + np.float32(0.5)).astype(np.int32)


def _mobius(light: np.ndarray) -> np.ndarray:
    """Leave light below the knee as it is and bring the peak to 1."""
    peak, knee = PEAK_NITS / WHITE_NITS, _KNEE
    a = -(knee**2) * (peak - 1) / (knee**2 - 2 * knee + peak)
    b = (knee**2 - 2 * knee * peak + peak) / (peak - 1)
    scale = (b**2 + 2 * b * knee + knee**2) / (b - a)
    limited = np.minimum(light, np.float32(peak))
    curved = np.float32(scale) * (limited + np.float32(a)) / (limited + np.float32(b))
    return np.where(limited > knee, curved, limited)


@functools.cache
def _linear_table(transfer: int) -> np.ndarray:
    """Return light by signal: relative to white for PQ, of the scene in [0, 1] for HLG."""
    signal = np.arange(_STEPS) / (_STEPS - 1)
    if transfer == HLG:
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        return scene.astype(np.float32)
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    root = signal ** (1 / m2)
    nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return (nits / WHITE_NITS).astype(np.float32)


@functools.cache
def _hlg_gain_table() -> np.ndarray:
    """Return by which scene light is multiplied, by its luminance."""
    luminance = np.maximum(np.arange(_STEPS) / (_STEPS - 1), 1e-6)
    gain = PEAK_NITS / WHITE_NITS * luminance ** (_HLG_GAMMA - 1)
    return gain.astype(np.float32)


@functools.cache
def _display_table() -> np.ndarray:
    light = np.arange(1 << 16) / ((1 << 16) - 1)
    return np.rint(255 * light ** (1 / _DISPLAY_GAMMA)).astype(np.uint8)
