"""What parent and decoder child tell each other: plain values, as the child imports no pydantic."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Request:
    """What the child shall open, what it shall make of it, and what it may use."""

    path: str
    num_frames: int
    fps: int
    short_side: int
    audio_hz: int
    crf: int
    encoding: str
    jpeg_quality: int
    margin: int
    black_below: float
    dark_below: float
    static_below: float
    silent_below_db: float
    reject_flags: Sequence[str]
    max_duplicate_share: float
    max_pixels: int
    max_side_px: int
    max_duration_s: float
    max_frames: int
    max_streams: int
    memory_bytes: int
    cpu_s: int
    wants_subtitles: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the values as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Probe:
    """What the container's headers say, before anything is decoded.

    `duration_s` is the end of the video stream since the zero of the container, which is also
    the zero of captions and sound. None where the container does not tell.
    `subtitles` are the cues of the first text track as [start_s, end_s, text]; None where none
    were asked for, or the file has no such track.
    """

    duration_s: float | None
    codec: str
    width: int
    height: int
    sar: str
    rate: float | None
    has_audio: bool
    flags: list[str]
    subtitles: list[tuple[float, float, str]] | None = None
    subtitle_language: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the probe in a message of the child."""
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return the values as a JSON object."""
        return asdict(self)


@dataclass(slots=True)
class DecodeSummary:
    """What the child knows when the pass has ended."""

    end_s: float = 0.0
    width: int = 0
    height: int = 0
    rotation: int = 0
    num_frames: int = 0
    num_damaged: int = 0
    peak_memory_bytes: int = 0
    flags: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the summary in a message of the child."""
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return the values as a JSON object."""
        return asdict(self)
