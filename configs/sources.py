"""Where the raw videos come from, and what is too large or too slow to be taken in."""

from typing import Literal

from pydantic import Field

from configs.settings import Place, Settings


class LimitsConfig(Settings):
    """What an untrusted source may ask of us. One that asks for more is rejected."""

    pixels: int = Field(default=36_000_000, gt=0)
    """Pixels of one frame."""

    side_px: int = Field(default=8192, gt=0)
    """Longest side of a frame."""

    duration_s: float = Field(default=12 * 3600.0, gt=0)
    """Length of a video."""

    frames: int = Field(default=12 * 3600 * 120, gt=0)
    """Frames that are decoded of a video, whatever its headers say of its length."""

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
    """What is built from: a folder of videos, a table that lists them, or HowTo100M's files."""

    path: Place = ""
    """Folder of videos with their captions, a CSV, JSONL or Parquet listing, or the folder of
    HowTo100M_v1.csv; a path or a URL (s3://, gs://, http(s)://)."""

    kind: Literal["auto", "folder", "listing", "howto100m"] = "auto"
    """What `path` is; `auto` looks at its content."""

    root: Place = ""
    """What the relative paths of a listing are relative to, and where the videos of HowTo100M
    lie; empty: the folder of the listing."""

    captions: Place = ""
    """HowTo100M only: its JSON of all captions, or a folder of one CSV a video; empty:
    raw_caption.json, else caption.json, else the folder `captions`, below `path`."""

    text_variant: Literal["auto", "raw", "processed"] = "auto"
    """HowTo100M only: whether its captions still have their stop words, noted with each sample;
    `auto` goes by the name of the file: only raw_caption.json has them."""

    languages: tuple[str, ...] = ()
    """Languages of narration that are taken (`en de`), by their ISO 639-1 code; none: all."""

    transcripts: Place = ""
    """Folder of transcripts for videos without captions, as `weakvid asr` writes them; empty:
    `_transcripts` in the output folder."""

    allow_uncaptioned: bool = False
    """Whether a video in which nothing is said is kept; only the policies that need no
    narration give clips of it."""

    threads: int = Field(default=16, ge=1, le=256)
    """Requests at a time when sizes and versions of listed files are asked for."""

    limits: LimitsConfig = LimitsConfig()
    """What a source may cost."""
