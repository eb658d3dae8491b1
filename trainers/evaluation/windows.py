"""The windows of listed clips: which stored clips stand for them, and how often each.

A published loader takes N windows between start and end of a row, evenly spread. Windows that
begin on the same place of the grid are one clip in the shards, so it counts several times; a window
that reaches past the end of the video is no clip, where the loader shows black.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainers.evaluation.clips import Clip
from trainers.evaluation.listings import Row

_GUARD_S = 0.4
"""Seconds before the end of a row in which no window ends, as in the published loaders."""

_NEAR_S = 0.06
"""A start may be off by half a place of the grid of 0.1 s."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The clips of one row."""

    clips: list[Clip]
    counts: list[int]
    """Windows that each of them stands for."""
    lost: int
    """Windows that are not in the shards."""


def clips_by_video(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Return the clips of each video, in order of time."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        found[clip.video_id].append(clip)
    for of_video in found.values():
        of_video.sort(key=lambda clip: clip.start_s)
    return dict(found)


def choose_windows(row: Row, clips: Sequence[Clip], num_windows: int) -> Windows:
    """Return the windows of a row.

    Args:
        row: A row of a listing.
        clips: The clips of its id, in order of time; may be none.
        num_windows: Windows that the protocol takes. A row without an interval is the whole
            video, of whose windows every one that is stored counts once.
    """
    if not clips:
        return Windows([], [], num_windows)
    if row.interval is None:
        return Windows(list(clips), [1] * len(clips), 0)
    start_s, end_s = row.interval
    clip_s = clips[0].end_s - clips[0].start_s
    wanted_W = np.linspace(start_s, max(start_s, end_s - clip_s - _GUARD_S), num_windows)
    stored_C = np.array([clip.start_s for clip in clips])
    distance_WC = np.abs(wanted_W[:, None] - stored_C[None, :])
    nearest_W, near_W = distance_WC.argmin(axis=1), distance_WC.min(axis=1) <= _NEAR_S
    count_C = np.bincount(nearest_W[near_W], minlength=len(clips))
    chosen = np.flatnonzero(count_C).tolist()
    return Windows(
        [clips[index] for index in chosen], count_C[chosen].tolist(), int((~near_W).sum())
    )
