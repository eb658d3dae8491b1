"""Where the raw videos come from, and what is too large or too slow to be taken in."""

from pydantic import Field

from configs.settings import Settings


class LimitsConfig(Settings):
    """What an untrusted source may ask of us. One that asks for more is rejected."""

    pixels: int = Field(default=36_000_000, gt=0)
    """Pixels of one frame."""

    side_px: int = Field(default=8192, gt=0)
    """Longest side of a frame."""

    duration_s: float = Field(default=12 * 3600.0, gt=0)
    """Length of a video."""

    streams: int = Field(default=16, gt=0)
    """Streams in one container."""

    file_bytes: int = Field(default=8 * 2**30, gt=0)
    """Size of a video file."""

    caption_bytes: int = Field(default=16 * 2**20, gt=0)
    """Size of a caption file."""

    deadline_s: float = Field(default=60.0, gt=0)
    """Least wall-clock time that a decoder child gets."""

    deadline_per_s: float = Field(default=4.0, gt=0)
    """Wall-clock seconds for each second of video, where that is more than `deadline_s`."""

    child_memory_bytes: int = Field(default=3 * 2**30, gt=0)
    """Address space of a decoder child."""


class SourcesConfig(Settings):
    """A folder of videos, each with a caption file of the same stem."""

    path: str = ""
    """Folder that is searched, with its subfolders, for videos."""

    limits: LimitsConfig = LimitsConfig()
    """What a source may cost."""
