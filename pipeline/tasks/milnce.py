"""The draws of the public MIL-NCE loader (antoine77340/MIL-NCE_HowTo100M, video_loader.py).

Kept as they are, oddities and all: starts are whole seconds; a caption shorter than `min_time_s`
is widened around its middle, but never before 0; candidates grow towards the side that makes the
shorter span; and a video with fewer captions than candidates has its first or last one repeated.
"""

import hashlib
import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from shards.schema import Window


@dataclass(frozen=True, slots=True)
class Draw:
    """One sample of the loader: the caption, where the clip starts, and its candidates."""

    caption: int
    start_s: int
    candidates: tuple[int, ...]


def seeded(seed: int, video_id: str) -> random.Random:
    """Return the generator of a video: the same on every machine, whatever ran before."""
    name = unicodedata.normalize("NFC", video_id)
    digest = hashlib.sha256(f"milnce\0{seed}\0{name}".encode()).digest()
    return random.Random(int.from_bytes(digest))


def draw(
    windows: Sequence[Window],
    generator: random.Random,
    num_candidates: int,
    clip_s: float,
    min_time_s: float,
) -> Draw:
    """Draw one clip, with as many calls of the generator as the loader makes for it.

    Args:
        windows: The captions of a video, at least one, in order of time.
        generator: Asked for a caption, then for a second.
        num_candidates: K, contiguous captions around the one that was drawn.
        clip_s: Length of a clip, frames / rate.
        min_time_s: Captions shorter than this are widened.
    """
    caption = generator.randint(0, len(windows) - 1)
    first = _first_candidate(windows, caption, num_candidates)
    last = len(windows) - 1
    candidates = tuple(min(max(0, first + place), last) for place in range(num_candidates))
    start_s, end_s = windows[caption].start_s, windows[caption].end_s
    if end_s - start_s < min_time_s:
        missing_s = min_time_s - end_s + start_s
        start_s = max(0, start_s - missing_s / 2)
        end_s = start_s + min_time_s
    low, high = int(start_s), int(end_s)
    return Draw(caption, generator.randint(low, int(max(low, high - clip_s))), candidates)


def _first_candidate(windows: Sequence[Window], caption: int, num_candidates: int) -> int:
    first = last = caption
    for num_found in range(1, num_candidates):
        if first == 0:
            return 0
        if last == len(windows) - 1:
            return first - (num_candidates - num_found)
        earlier_s = windows[last].end_s - windows[first - 1].start_s
        later_s = windows[last + 1].end_s - windows[first].start_s
        if earlier_s < later_s:
            first -= 1
        else:
            last += 1
    return first
