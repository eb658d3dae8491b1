"""How a video is cut into clips, and narration into windows."""

from typing import Literal

from pydantic import Field

from configs.settings import Settings


class ClipsConfig(Settings):
    """Clip cutting. A clip is `num_frames` frames on a grid of `1 / fps` seconds."""

    policy: Literal["per_window", "uniform"] = "per_window"
    """`per_window`: one clip centred on each window. `uniform`: one clip every `stride_s`."""

    num_frames: int = Field(default=32, gt=0)
    """Frames in a clip."""

    fps: int = Field(default=10, gt=0, le=1000)
    """Frames a second. Clip starts lie on the same grid."""

    stride_s: float = Field(default=3.2, gt=0)
    """Distance of clip starts under the `uniform` policy."""

    short_side: int = Field(default=256, ge=16, multiple_of=2)
    """Short side of the stored frames in pixels; the long side keeps the aspect ratio."""

    bag_size: int = Field(default=9, ge=1)
    """Nearest windows stored with a clip, fewer where the video has fewer."""

    max_words: int = Field(default=16, ge=1)
    """Words in a window. A longer cue is split at its word times, never cut off."""

    max_duplicate_share: float = Field(default=0.25, ge=0, le=1)
    """A clip with a larger share of repeated source frames is rejected."""

    audio_hz: int = Field(default=16_000, gt=0)
    """Sample rate of the stored mono audio."""

    crf: int = Field(default=18, ge=0, le=51)
    """H.264 constant rate factor of the stored clips; lower is larger and better."""
