"""What became of one source: its clips in the spool, its rejects, and its row in videos.parquet."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.captions.coverage import narrated_s, narration_end_s, num_words
from pipeline.listing.source import SourceFile
from pipeline.media.request import DecodeSummary, Probe
from pipeline.tasks.narration import Narration
from pipeline.tasks.spool import ClipSpool
from shards.schema import Sample, Window


@dataclass(frozen=True, slots=True)
class SpooledClip:
    """A clip of the spool: its sample without the bytes of its frames and sound."""

    meta: dict[str, Any]
    windows: tuple[Window, ...]
    place: tuple[int, int]
    clip_bytes: int

    def load(self, spool: ClipSpool) -> Sample:
        """Return the whole sample."""
        block = spool.get(self.place)
        audio = block[self.clip_bytes :] or None
        caption = self.windows[0].text if self.windows else ""
        return Sample(self.meta, block[: self.clip_bytes], caption, self.windows, audio)


@dataclass(slots=True)
class SourceOutcome:
    """What became of one source: planned = clips + clips of its rejects.

    Attributes:
        num_planned: Clips planned before anything was decoded.
        clips: What is to be written.
        rejects: Rows of `rejects.jsonl`.
        video: Row of `videos.parquet`, without the bundle.
    """

    num_planned: int = 0
    clips: list[SpooledClip] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    video: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Findings:
    """What is known of a source so far; what it lacks is unknown in its row."""

    num_bytes: int | None = None
    sha256: str = ""
    narration: Narration | None = None
    probe: Probe | None = None
    summary: DecodeSummary | None = None

    @property
    def flags(self) -> list[str]:
        """Flags of the source as a whole."""
        parts = (self.narration, self.probe, self.summary)
        return sorted({flag for part in parts if part is not None for flag in part.flags})

    def row(self, source: SourceFile, outcome: SourceOutcome) -> dict[str, Any]:
        """Return the source's row of `videos.parquet`."""
        probe, narration = self.probe, self.narration
        return {
            "video_id": source.video_id,
            "name": source.name,
            "bytes": self.num_bytes if self.num_bytes is not None else _known(source.bytes),
            "sha256": self.sha256,
            "duration_s": probe.duration_s if probe else None,
            "codec": probe.codec if probe else "",
            "width": probe.width if probe else None,
            "height": probe.height if probe else None,
            "fps": probe.rate if probe else None,
            "lang": narration.language if narration else source.language,
            "caption_format": narration.format if narration else "",
            "num_words": num_words(narration.cues) if narration else None,
            "narrated_s": narrated_s(narration.cues) if narration else None,
            "narration_end_s": narration_end_s(narration.cues) if narration else None,
            "flags": self.flags,
            "planned": outcome.num_planned,
            "written": len(outcome.clips),
            "rejected": sum(row["clips"] for row in outcome.rejects),
            "extra": source.extra,
        }


def _known(num_bytes: int) -> int | None:
    return num_bytes if num_bytes >= 0 else None
