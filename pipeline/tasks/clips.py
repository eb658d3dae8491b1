"""Which clips a video gives, from its captions and its headers, before anything is decoded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from configs.clips import ClipsConfig
from pipeline.media.errors import MediaError
from pipeline.tasks.milnce import draw, seeded
from shards.schema import Window

_ROUNDING_S = 1e-6
_LINSPACE_GUARD_S = 0.4


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


@dataclass(frozen=True, slots=True)
class Subject:
    """What a policy may know of a video besides its windows.

    `duration_s` is None where the headers do not tell; `longest_s` is how far narration is
    believed then. `interval` is what the listing gives as the part of interest.
    """

    video_id: str
    duration_s: float | None
    longest_s: float
    interval: tuple[float, float] | None = None


def plan_clips(windows: Sequence[Window], subject: Subject, clips: ClipsConfig) -> ClipPlan:
    """Plan the clips of a video, as `clips.policy` says.

    Clips whose frames, margins included, do not lie inside the video are not decoded: they are
    moved inside (`per_window`), never planned (`uniform`), or lost past the end.

    Args:
        windows: The windows of the video; some policies need at least one.
        subject: The video.
        clips: Policy and grid.

    Raises:
        MediaError: `E_SHORT` where the video is shorter than one clip with its margins.
    """
    end_s = subject.duration_s
    if end_s is None:
        end_s = min(subject.longest_s, max((window.end_s for window in windows), default=0.0))
    needed = clips.num_frames + 2 * clips.margin
    last = int((end_s + _ROUNDING_S) * clips.fps) - clips.num_frames - clips.margin
    if subject.duration_s is not None and last < clips.margin:
        raise MediaError(
            "E_SHORT",
            f"the video has {subject.duration_s:.3f} s, a clip {needed / clips.fps:.3f} s",
        )
    last = max(clips.margin, last)
    match clips.policy:
        case "per_window":
            return _per_window(windows, end_s, last, clips)
        case "uniform":
            stride = max(1, round(clips.stride_s * clips.fps))
            return ClipPlan(tuple(range(clips.margin, last + 1, stride)))
        case "milnce_reference":
            return _milnce_reference(windows, subject.video_id, last, clips)
        case "linspace":
            return _linspace(subject.interval or (0.0, end_s), last, clips)


def slot_ms(slot: int, fps: int) -> int:
    """Return the time of a slot in whole milliseconds."""
    return (slot * 1000 + fps // 2) // fps


def _per_window(windows: Sequence[Window], end_s: float, last: int, clips: ClipsConfig) -> ClipPlan:
    """A clip centred on each window; windows that come to the same start share one."""
    inside = [window for window in windows if window.start_s < end_s]
    beyond = [window for window in windows if window.start_s >= end_s]
    starts = {min(max(clips.margin, _centred(window, clips)), last) for window in inside}
    past_end = {max(last + 1, _centred(window, clips)) for window in beyond}
    return ClipPlan(tuple(sorted(starts)), tuple(sorted(past_end)))


def _centred(window: Window, clips: ClipsConfig) -> int:
    """Slot at which a clip starts whose centre is the window's; whole numbers, halves go up."""
    centre_ms2 = round(window.start_s * 1000) + round(window.end_s * 1000)
    return (centre_ms2 * clips.fps - clips.num_frames * 1000 + 1000) // 2000


def _milnce_reference(
    windows: Sequence[Window], video_id: str, last: int, clips: ClipsConfig
) -> ClipPlan:
    """Draws of the public loader. Of draws with the same start the first one keeps its bag."""
    generator = seeded(clips.seed, video_id)
    clip_s = clips.num_frames / clips.fps
    bags: dict[int, tuple[int, ...]] = {}
    for _ in range(clips.clips_per_video):
        drawn = draw(windows, generator, clips.bag_size, clip_s, clips.min_time_s)
        # The caption that was drawn is the primary one; the loader takes them in order of time.
        others = list(drawn.candidates)
        others.remove(drawn.caption)
        bags.setdefault(drawn.start_s * clips.fps, (drawn.caption, *others))
    return _split(bags, last, bags)


def _linspace(interval: tuple[float, float], last: int, clips: ClipsConfig) -> ClipPlan:
    """Starts spread evenly over an interval, as youcook_loader.py of the same repository does."""
    start_s, end_s = max(0.0, interval[0]), interval[1]
    final_s = max(start_s, end_s - clips.num_frames / clips.fps - _LINSPACE_GUARD_S)
    num_steps = max(1, clips.clips_per_video - 1)
    step_s = (final_s - start_s) / num_steps
    times_s = [start_s + place * step_s for place in range(clips.clips_per_video)]
    return _split({round(time_s * clips.fps) for time_s in times_s}, last, {})


def _split(starts: Iterable[int], last: int, bags: Mapping[int, tuple[int, ...]]) -> ClipPlan:
    """Clips that reach past the end are lost, where the loader shows black."""
    ordered = sorted(starts)
    inside = tuple(slot for slot in ordered if slot <= last)
    kept = {slot: bags[slot] for slot in inside if slot in bags}
    return ClipPlan(inside, tuple(slot for slot in ordered if slot > last), kept)
