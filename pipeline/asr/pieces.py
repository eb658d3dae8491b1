"""Long sound -> pieces that fit into memory, cut where it is quietest."""

from collections.abc import Iterator

import numpy as np

SEARCH_S = 30
"""End of a piece in which the cut is searched."""

_QUIET_S = 0.2


def cut_pieces(num_samples: int, hz: int, piece_s: float, sound_N: np.ndarray) -> Iterator[slice]:
    """Yield slices that cover the sound, none longer than `piece_s`.

    Args:
        num_samples: Length of the sound.
        hz: Samples a second.
        piece_s: Longest piece, at least 60.
        sound_N: The samples, int16; only the ends of pieces are read.
    """
    longest, start = int(piece_s * hz), 0
    while num_samples - start > longest:
        low = start + longest - SEARCH_S * hz
        stop = low + _quietest(np.asarray(sound_N[low : start + longest]), hz)
        yield slice(start, stop)
        start = stop
    if start < num_samples:
        yield slice(start, num_samples)


def _quietest(sound_N: np.ndarray, hz: int) -> int:
    """Return the middle of the quietest stretch, the first of equals."""
    width = int(_QUIET_S * hz)
    blocks_MW = sound_N[: len(sound_N) // width * width].reshape(-1, width).astype(np.int64)
    return int((blocks_MW**2).sum(axis=1).argmin()) * width + width // 2
