"""Cues -> windows of at most 16 words, and the bag of windows nearest to a clip."""

import itertools
from collections.abc import Sequence
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


def nearest_bag(
    windows: Sequence[Window], t0_s: float, t1_s: float, size: int
) -> tuple[Window, ...]:
    """Return the `size` windows nearest to the clip [t0_s, t1_s), nearest first.

    Nearest is the least distance of centres; of two as near, the earlier one comes first.
    Each window is returned with its overlap and its distance to this clip.
    """
    ranked = sorted(windows, key=lambda window: (_distance_ms2(window, t0_s, t1_s), window.index))
    return tuple(
        replace(
            window,
            overlap_s=round(max(0.0, min(window.end_s, t1_s) - max(window.start_s, t0_s)), 3),
            center_dist_s=round(_distance_ms2(window, t0_s, t1_s) / 2000, 3),
        )
        for window in ranked[:size]
    )


def _distance_ms2(window: Window, t0_s: float, t1_s: float) -> int:
    """Twice the distance of centres in whole milliseconds, so that ties are exact."""
    clip = round(t0_s * 1000) + round(t1_s * 1000)
    return abs(round(window.start_s * 1000) + round(window.end_s * 1000) - clip)
