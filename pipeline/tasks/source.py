"""One source -> clips in the spool, or the rejects that say why not."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Captions
from pipeline.captions.read import load_captions
from pipeline.captions.windows import make_windows, nearest_bag
from pipeline.listing.source import SourceFile, reject_row
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import LOAD_DEPENDENT, MediaError
from pipeline.media.framing import Message
from pipeline.media.request import DecodeSummary, Probe
from pipeline.tasks.clips import ClipPlan, plan_clips, slot_ms
from pipeline.tasks.spool import ClipSpool
from shards import storage
from shards.schema import CODE_VERSION, Sample, Window

logger = logging.getLogger(__name__)

NUM_TRIES = 2
MAX_DAMAGED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class SpooledClip:
    """A clip of the spool: its sample without the bytes of its mp4 and flac."""

    meta: dict[str, Any]
    windows: tuple[Window, ...]
    place: tuple[int, int]
    clip_bytes: int

    def load(self, spool: ClipSpool) -> Sample:
        """Return the whole sample."""
        block = spool.get(self.place)
        audio = block[self.clip_bytes :] or None
        caption = self.windows[0].text
        return Sample(self.meta, block[: self.clip_bytes], caption, self.windows, audio)


@dataclass(slots=True)
class SourceOutcome:
    """What became of one source: planned = clips + clips of its rejects."""

    num_planned: int = 0
    clips: list[SpooledClip] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)


class SourceBuilder:
    """Builds one source.

    Args:
        source: The video and its captions.
        clips: How clips are cut.
        limits: What the source may cost.
        config_hash: Hash of the settings that decide a sample's bytes.
        spool: Where the clips go.
    """

    def __init__(
        self,
        source: SourceFile,
        clips: ClipsConfig,
        limits: LimitsConfig,
        config_hash: str,
        spool: ClipSpool,
    ) -> None:
        self._source = source
        self._clips = clips
        self._limits = limits
        self._config_hash = config_hash
        self._spool = spool
        self._plan = ClipPlan(())
        self._messages: list[tuple[Message, tuple[int, int]]] = []

    def build(self) -> SourceOutcome:
        """Return the clips and rejects of the source; it raises for no fault of the source."""
        try:
            captions = load_captions(Path(self._source.captions), self._limits)
        except CaptionError as error:
            return self._rejected(error.code, error.detail, "captions")
        windows = make_windows(captions.cues, self._clips.max_words)
        mark = self._spool.mark()
        for tries_left in reversed(range(NUM_TRIES)):
            self._messages = []
            self._plan = ClipPlan(())
            try:
                return self._decode(captions, windows)
            except MediaError as error:
                self._spool.rewind(mark)
                if error.code not in LOAD_DEPENDENT or not tries_left:
                    return self._rejected(error.code, error.detail, "decode")
                logger.warning("%s: %s; trying once more", self._source.name, error)
        raise AssertionError("the last try returns")

    def _decode(self, captions: Captions, windows: list[Window]) -> SourceOutcome:
        path = Path(self._source.video)
        self._check_unchanged()
        sha256 = storage.sha256_of(str(path))

        def plan(probe: Probe) -> tuple[int, ...]:
            self._plan = plan_clips(windows, probe.duration_s, self._clips, self._limits.duration_s)
            if not self._plan.starts:
                raise MediaError("W_CAPPASTEOF", "all narration lies after the end of the video")
            return self._plan.starts

        request = make_request(path, self._clips, self._limits)
        probe, summary = decode_source(request, self._limits, plan, self._take)
        self._check_unchanged()
        if summary.num_damaged > MAX_DAMAGED_SHARE * summary.num_frames:
            raise MediaError(
                "W_CORRUPT", f"{summary.num_damaged} of {summary.num_frames} frames are damaged"
            )
        flags = sorted({*captions.flags, *summary.flags})
        constant = self._constant_meta(sha256, probe, summary, flags)
        return self._outcome(constant, windows)

    def _check_unchanged(self) -> None:
        """Called when the captions are read, and once more when the video is."""
        source = self._source
        for what, path, listed in (
            ("video", source.video, (source.bytes, source.stamp)),
            ("captions", source.captions, (source.caption_bytes, source.caption_stamp)),
        ):
            try:
                stat = Path(path).stat()
            except OSError as error:
                raise MediaError("E_FETCH", f"{what}: cannot be read: {error.strerror}") from error
            if (stat.st_size, str(stat.st_mtime_ns)) != listed:
                raise MediaError("E_CHANGED", f"{what}: changed since it was listed; run again")

    def _take(self, message: Message, block: bytes) -> None:
        place = self._spool.put(block) if message["kind"] == "clip" else (0, 0)
        self._messages.append((message, place))

    def _constant_meta(
        self, sha256: str, probe: Probe, summary: DecodeSummary, flags: list[str]
    ) -> dict[str, Any]:
        return {
            "video_id": self._source.video_id,
            "src": {"bytes": self._source.bytes, "sha256": sha256},
            "fps": self._clips.fps,
            "n": self._clips.num_frames,
            "margin": self._clips.margin,
            "enc": self._clips.encoding,
            "w": summary.width,
            "h": summary.height,
            "rot": summary.rotation,
            "sar": probe.sar,
            "codec": probe.codec,
            "flags": flags,
            "build": {"code": CODE_VERSION, "cfg": self._config_hash},
        }

    def _outcome(self, constant: dict[str, Any], windows: list[Window]) -> SourceOutcome:
        outcome = SourceOutcome(num_planned=self._plan.num_planned)
        for slot in self._plan.past_end:
            row = self._row("W_CAPPASTEOF", "narration after the end of the video", "plan")
            outcome.rejects.append(row | {"clips": 1, "t0_s": self._start_s(slot)})
        for message, place in self._messages:
            t0_s = self._start_s(message["slot"])
            if message["kind"] == "reject":
                row = self._row(message["code"], message["detail"], "decode")
                outcome.rejects.append(row | {"clips": 1, "t0_s": t0_s})
                continue
            t1_s = self._start_s(message["slot"] + self._clips.num_frames)
            bag = nearest_bag(windows, t0_s, t1_s, self._clips.bag_size)
            times = {"t0_s": t0_s, "t1_s": t1_s, "pts_s": message["pts_s"], "dup": message["dup"]}
            flags = sorted({*constant["flags"], *message["flags"]})
            meta = constant | times | {"flags": flags}
            clip = SpooledClip(meta, bag, place, message["clip_bytes"])
            outcome.clips.append(clip)
        return outcome

    def _start_s(self, slot: int) -> float:
        return slot_ms(slot, self._clips.fps) / 1000

    def _row(self, code: str, detail: str, stage: str) -> dict[str, Any]:
        name = self._source.name
        return reject_row(self._source.video_id, code, detail, stage=stage, source=name)

    def _rejected(self, code: str, detail: str, stage: str) -> SourceOutcome:
        logger.info("%s is rejected: %s, %s", self._source.name, code, detail)
        row = self._row(code, detail, stage) | {"clips": self._plan.num_planned}
        return SourceOutcome(num_planned=self._plan.num_planned, rejects=[row])
