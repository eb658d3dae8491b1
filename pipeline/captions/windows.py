"""Cues -> windows of at most 16 words, and the bag of windows nearest to a clip."""

import heapq
import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.captions.cue import Cue
from shards.schema import Window, Word


def make_windows(cues: Sequence[Cue], max_words: int) -> list[Window]:
    """Return the windows of a video, in order of time; no word is lost.

    A cue of more than `max_words` words is split into even parts: at the times of its
    words where they are known, else in proportion to its characters.
    """
    spans = [part for cue in cues for part in _split(cue, max_words)]
    spans.sort(key=lambda part: (part.start_s, part.end_s))
    return [
        Window(index, part.start_s, part.end_s, part.text, part.words, 0.0, 0.0)
        for index, part in enumerate(spans)
    ]


def _split(cue: Cue, max_words: int) -> list[Cue]:
    tokens = cue.text.split()
    num_parts = -(-len(tokens) // max_words)
    if num_parts <= 1:
        return [cue]
    words = cue.words or _proportional_words(tokens, cue)
    bounds = [len(tokens) * part // num_parts for part in range(num_parts + 1)]
    parts = []
    for first, stop in itertools.pairwise(bounds):
        start_s = cue.start_s if first == 0 else words[first].start_s
        end_s = cue.end_s if stop == len(tokens) else words[stop - 1].end_s
        text = " ".join(tokens[first:stop])
        parts.append(Cue(start_s, max(start_s, end_s), text, cue.words[first:stop]))
    return parts


def _proportional_words(tokens: Sequence[str], cue: Cue) -> tuple[Word, ...]:
    total = sum(map(len, tokens))
    seconds_per_character = (cue.end_s - cue.start_s) / total
    words = []
    done = 0
    for token in tokens:
        start_s = cue.start_s + done * seconds_per_character
        done += len(token)
        end_s = cue.start_s + done * seconds_per_character
        words.append(Word(token, round(start_s, 3), round(end_s, 3)))
    return tuple(words)


class WindowIndex:
    """The windows of a video by their centres: a bag of K costs O(log n + K).

    Args:
        windows: The windows, in order of `index`.
    """

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = windows
        by_centre: dict[int, list[int]] = {}
        for place, window in enumerate(windows):
            by_centre.setdefault(_centre_ms2(window), []).append(place)
        self._centres = sorted(by_centre)
        self._places = [by_centre[centre] for centre in self._centres]

    def nearest(self, t0_s: float, t1_s: float, size: int) -> tuple[Window, ...]:
        """Return the `size` windows nearest to the clip [t0_s, t1_s), nearest first.

        Nearest is the least distance of centres; of two as near, the earlier one comes first.
        Each window is returned with its overlap and its distance to this clip.
        """
        places = itertools.islice(self._by_distance(_clip_ms2(t0_s, t1_s)), size)
        return self.chosen(places, t0_s, t1_s)

    def chosen(self, places: Iterable[int], t0_s: float, t1_s: float) -> tuple[Window, ...]:
        """Return the windows at some places, with their overlap and distance to a clip."""
        clip_ms2 = _clip_ms2(t0_s, t1_s)
        return tuple(
            replace(
                window,
                overlap_s=round(max(0.0, min(window.end_s, t1_s) - max(window.start_s, t0_s)), 3),
                center_dist_s=round(abs(_centre_ms2(window) - clip_ms2) / 2000, 3),
            )
            for window in (self._windows[place] for place in places)
        )

    def _by_distance(self, clip_ms2: int) -> Iterator[int]:
        """Places of windows, outwards from a centre; equal centres stand in one group."""
        right = bisect_left(self._centres, clip_ms2)
        left = right - 1
        while left >= 0 or right < len(self._centres):
            before = clip_ms2 - self._centres[left] if left >= 0 else None
            after = self._centres[right] - clip_ms2 if right < len(self._centres) else None
            if before is not None and before == after:
                yield from heapq.merge(self._places[left], self._places[right])
                left, right = left - 1, right + 1
            elif after is None or (before is not None and before < after):
                yield from self._places[left]
                left -= 1
            else:
                yield from self._places[right]
                right += 1


def _clip_ms2(t0_s: float, t1_s: float) -> int:
    """Twice the centre of a clip in whole milliseconds, so that ties are exact."""
    return round(t0_s * 1000) + round(t1_s * 1000)


def _centre_ms2(window: Window) -> int:
    return _clip_ms2(window.start_s, window.end_s)
