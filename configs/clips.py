"""How a video is cut into clips, and narration into windows."""

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.settings import Settings


class ClipsConfig(Settings):
    """Clip cutting. A clip is `num_frames` frames on a grid of `1 / fps` seconds."""

    policy: Literal["per_window", "uniform", "milnce_reference", "linspace"] = "per_window"
    """`per_window`: one clip centred on each window. `uniform`: one clip every `stride_s`.
    `milnce_reference`: `clips_per_video` draws of the public MIL-NCE loader. `linspace`: so many
    clips spread over the interval that a listing gives, else over the video."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the draws of `milnce_reference`."""

    clips_per_video: int = Field(default=10, ge=1)
    """Clips of a video under `milnce_reference` and `linspace`; those that begin alike are one."""

    min_time_s: float = Field(default=5.0, gt=0)
    """`milnce_reference` widens a shorter window to this length before it draws a start."""

    num_frames: int = Field(default=32, gt=0)
    """Frames in a clip."""

    fps: int = Field(default=10, gt=0, le=1000)
    """Frames a second. Clip starts lie on the same grid."""

    stride_s: float = Field(default=3.2, gt=0)
    """Distance of clip starts under the `uniform` policy."""

    margin: int = Field(default=0, ge=0, le=1000)
    """Frames stored before and again after a clip, for temporal jitter in training. A video must
    be as long as a clip with both margins."""

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

    encoding: Literal["mp4", "jpgs", "npy"] = "mp4"
    """How frames are stored: H.264, a sequence of JPEGs, or raw RGB."""

    jpeg_quality: int = Field(default=90, ge=1, le=100)
    """Quality of the JPEGs of `jpgs`; higher is larger and better."""

    black_below: float = Field(default=0.01, ge=0, le=1)
    """A picture whose mean brightness (0 black, 1 white) is below this is black. A clip is
    `W_BLACK` where half of its pictures are."""

    dark_below: float = Field(default=0.1, ge=0, le=1)
    """A clip whose mean brightness is below this is `W_DARK`."""

    static_below: float = Field(default=0.004, ge=0, le=1)
    """A clip is `W_STATIC` where no picture differs from its first by this much brightness in the
    mean over its pixels."""

    silent_below_db: float = Field(default=-60.0, le=0)
    """A clip whose sound is softer than this, RMS in decibels of full scale, is `W_SILENT`."""

    reject_flags: tuple[Literal["W_BLACK", "W_DARK", "W_STATIC", "W_SILENT"], ...] = ("W_BLACK",)
    """Clips with one of these flags are rejected instead of stored."""

    @model_validator(mode="after")
    def _protocols_have_no_margin(self) -> Self:
        """A clip with a margin cannot stand at the very start or end, where these put some."""
        if self.margin and self.policy in ("milnce_reference", "linspace"):
            raise ValueError(
                f"clips.margin must be 0 where clips.policy is {self.policy}, got {self.margin}"
            )
        return self
