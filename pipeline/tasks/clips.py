"""Which clips a video gives, from its captions and its headers, before anything is decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from configs.clips import ClipsConfig
from pipeline.media.errors import MediaError
from shards.schema import Window

_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """First slots of the clips on the grid, ascending and each once.

    `starts` may be decoded; `past_end` belong to narration after the end of the video.
    `bags` holds, by start, the indices of the windows that the policy drew for the clip, the
    primary one first; a start that it does not hold gets the nearest windows.
    """

    starts: tuple[int, ...]
    past_end: tuple[int, ...] = ()
    bags: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def num_planned(self) -> int:
        """Clips that must end up written or rejected."""
        return len(self.starts) + len(self.past_end)


def plan_clips(
    windows: Sequence[Window], duration_s: float | None, clips: ClipsConfig, longest_s: float
) -> ClipPlan:
    """Plan the clips of a video.

    `per_window` centres a clip on each window and moves it inside the video where it would
    stick out; windows that come to the same start share a clip. `uniform` cuts at a stride.

    Args:
        windows: The windows of the video, at least one.
        duration_s: End of the video; None where its headers do not tell.
        clips: Policy and grid.
        longest_s: Longest video that is taken in. Narration of a video that does not tell its
            duration is believed up to here.

    Raises:
        MediaError: `E_SHORT` where the video is shorter than one clip.
    """
    end_s = duration_s
    if end_s is None:
        end_s = min(longest_s, max(window.end_s for window in windows))
    last_start = int((end_s + _ROUNDING_S) * clips.fps) - clips.num_frames
    if duration_s is not None and last_start < 0:
        clip_s = clips.num_frames / clips.fps
        raise MediaError("E_SHORT", f"the video has {duration_s:.3f} s, a clip {clip_s:.3f} s")
    last_start = max(0, last_start)
    if clips.policy == "uniform":
        stride = max(1, round(clips.stride_s * clips.fps))
        return ClipPlan(tuple(range(0, last_start + 1, stride)))
    inside = [window for window in windows if window.start_s < end_s]
    beyond = [window for window in windows if window.start_s >= end_s]
    starts = {min(max(0, _centred(window, clips)), last_start) for window in inside}
    past_end = {max(last_start + 1, _centred(window, clips)) for window in beyond}
    return ClipPlan(tuple(sorted(starts)), tuple(sorted(past_end)))


def slot_ms(slot: int, fps: int) -> int:
    """Return the time of a slot in whole milliseconds."""
    return (slot * 1000 + fps // 2) // fps


def _centred(window: Window, clips: ClipsConfig) -> int:
    """Slot at which a clip starts whose centre is the window's; whole numbers, halves go up."""
    centre_ms2 = round(window.start_s * 1000) + round(window.end_s * 1000)
    return (centre_ms2 * clips.fps - clips.num_frames * 1000 + 1000) // 2000
