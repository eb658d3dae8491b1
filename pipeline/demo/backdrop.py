"""What stands behind the object: a drifting cloud of noise on the wall, and a bench in front.

Shape suffixes: F frames, H rows, W columns, C colour channels.
"""

import numpy as np

HEIGHT_PX, WIDTH_PX = 64, 80
BENCH_ROW = 42
"""First row of the bench. A crop of 48 rows shows at least six of the bench's 22."""

_TILE_PX = 128
_FINE = 4

_WALLS = (
    ((75, 66, 58), (186, 165, 137)),
    ((55, 61, 72), (146, 158, 175)),
    ((58, 69, 55), (156, 172, 132)),
    ((67, 58, 75), (170, 151, 182)),
    ((76, 61, 51), (179, 146, 127)),
    ((51, 67, 73), (144, 170, 175)),
)
"""Muted colours of a wall between which the noise fades."""

_CLOTHS = ((46, 42, 50), (232, 226, 212))
"""Colour of the cloth on the bench, by the bit that is seen only."""


class Backdrop:
    """The walls and the two cloths of one video. Their textures are drawn once.

    Each step stands before another wall. Were it the same one throughout, a model could tell
    the video by its wall and learn its words by heart instead of what is shown.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the textures and the drift of the noise."""
        self._wall = _noise_tile(rng, smoothness=1.9)
        self._mottle = _noise_tile(rng, smoothness=1.5)
        self._drift_px_per_s = rng.uniform(4, 9, (2, 2)) * rng.choice((-1, 1), (2, 2))
        share = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
        walls = np.array(_WALLS, np.float32)
        self._palettes = [dark + (pale - dark) * share for dark, pale in walls]
        weave = rng.normal(0, 3, (HEIGHT_PX - BENCH_ROW, WIDTH_PX, 1)).astype(np.float32)
        weave += 5 * (np.arange(WIDTH_PX) % 8 < 4).astype(np.float32)[None, :, None]
        self._benches = [np.array(cloth, np.float32) + weave for cloth in _CLOTHS]

    def paint(self, time_s: np.ndarray, seen: int, rng: np.random.Generator) -> np.ndarray:
        """A wall at each time, as frames_FHWC in float32 from 0 to 255."""
        palette = self._palettes[int(rng.integers(len(self._palettes)))]
        place_px = rng.uniform(0, _TILE_PX, (2, 2))
        frames_FHWC = np.empty((len(time_s), HEIGHT_PX, WIDTH_PX, 3), np.float32)
        for frame, at_s in enumerate(time_s):
            offset_px = place_px + self._drift_px_per_s * at_s
            wall = _window(self._wall, offset_px[0])
            mottle = _window(self._mottle, offset_px[1])
            shade = (wall + mottle) >> 1
            np.take(palette, shade, axis=0, out=frames_FHWC[frame, :BENCH_ROW], mode="clip")
        frames_FHWC[:, BENCH_ROW:] = self._benches[seen]
        frames_FHWC[:, BENCH_ROW] *= 0.8
        return frames_FHWC


def _noise_tile(rng: np.random.Generator, smoothness: float) -> np.ndarray:
    """Seamless noise with a 1/f**smoothness spectrum, 4 times finer than pixels, uint16 0..255."""
    side = _TILE_PX * _FINE
    half = _TILE_PX // 2
    frequency = np.fft.fftfreq(_TILE_PX, 1 / _TILE_PX)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    coarse = rng.normal(size=(_TILE_PX, _TILE_PX)) + 1j * rng.normal(size=(_TILE_PX, _TILE_PX))
    coarse *= np.where((radius > 1) & (radius < half), np.maximum(radius, 1) ** -smoothness, 0)
    spectrum = np.zeros((side, side), complex)
    index = frequency.astype(int) % side
    spectrum[np.ix_(index, index)] = coarse
    tile = np.fft.ifft2(spectrum).real
    low, high = np.quantile(tile, (0.02, 0.98))
    levels = (np.clip((tile - low) / (high - low), 0, 1) * 255).astype(np.uint16)
    # Its beginning once more at the end, so that a window never has to wrap around.
    return np.pad(levels, ((0, BENCH_ROW * _FINE), (0, WIDTH_PX * _FINE)), mode="wrap")


def _window(tile: np.ndarray, offset_px: np.ndarray) -> np.ndarray:
    """The part of a tile seen through the wall, [42, 80], at a quarter of a pixel."""
    down, across = (round(float(offset) * _FINE) % (_TILE_PX * _FINE) for offset in offset_px)
    rows = slice(down, down + BENCH_ROW * _FINE, _FINE)
    return tile[rows, across : across + WIDTH_PX * _FINE : _FINE]
