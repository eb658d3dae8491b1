"""One source -> clips in the spool, or the rejects that say why not."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from configs.clips import ClipsConfig
from configs.sources import SourcesConfig
from pipeline.captions.cue import CaptionError, Captions
from pipeline.captions.windows import WindowIndex, make_windows
from pipeline.listing.source import SourceFile, reject_row
from pipeline.listing.versions import is_as_listed
from pipeline.media.decode import deadline_s, decode_source, make_request
from pipeline.media.errors import LOAD_DEPENDENT, MediaError
from pipeline.media.fetch import local_copy
from pipeline.media.framing import Message
from pipeline.media.request import Probe
from pipeline.tasks.clips import ClipPlan, Subject, plan_clips, slot_ms
from pipeline.tasks.narration import embedded_captions, listed_captions, narrate
from pipeline.tasks.outcome import Findings, SourceOutcome, SpooledClip
from pipeline.tasks.spool import ClipSpool
from shards import storage
from shards.schema import CODE_VERSION, Window

logger = logging.getLogger(__name__)

NUM_TRIES = 2
MAX_DAMAGED_SHARE = 0.25


class SourceBuilder:
    """Builds one source.

    Args:
        source: The video and its captions.
        clips: How clips are cut.
        intake: What the source may cost, and which narration is taken.
        config_hash: Hash of the settings that decide a sample's bytes.
        spool: Where the clips go.
        on_due: Called when it is known how many seconds the decoder may take.
        scratch_bytes: What videos that must be fetched first may take on this machine.
    """

    def __init__(
        self,
        source: SourceFile,
        clips: ClipsConfig,
        intake: SourcesConfig,
        config_hash: str,
        spool: ClipSpool,
        on_due: Callable[[float], None] = lambda seconds: None,
        scratch_bytes: int = 0,
    ) -> None:
        self._source = source
        self._clips = clips
        self._intake = intake
        self._limits = intake.limits
        self._config_hash = config_hash
        self._spool = spool
        self._on_due = on_due
        self._scratch_bytes = scratch_bytes
        self._begin()

    def _begin(self) -> None:
        self._found = Findings()
        self._path = ""
        self._plan = ClipPlan(())
        self._windows: list[Window] = []
        self._index = WindowIndex(())
        self._messages: list[tuple[Message, tuple[int, int]]] = []

    def build(self) -> SourceOutcome:
        """Return the clips and rejects of the source; it raises for no fault of the source."""
        outcome = self._build()
        outcome.video = self._found.row(self._source, outcome)
        return outcome

    def _build(self) -> SourceOutcome:
        mark = self._spool.mark()
        for tries_left in reversed(range(NUM_TRIES)):
            self._begin()
            try:
                if self._source.captions:
                    self._narrate(listed_captions(self._source, self._limits))
                return self._decode()
            except CaptionError as error:
                return self._rejected(error.code, error.detail, "captions")
            except MediaError as error:
                self._spool.rewind(mark)
                # A hang costs its whole deadline: it is not waited for twice in a row.
                if error.code not in LOAD_DEPENDENT - {"E_TIMEOUT"} or not tries_left:
                    return self._rejected(error.code, error.detail, "decode")
                logger.warning("%s: %s; trying once more", self._source.name, error)
        raise AssertionError("the last try returns")

    def _narrate(self, captions: Captions | CaptionError) -> None:
        narration = narrate(self._source, captions, self._intake)
        self._found.narration = narration
        self._windows = make_windows(narration.cues, self._clips.max_words)
        self._index = WindowIndex(self._windows)

    def _decode(self) -> SourceOutcome:
        with local_copy(self._source, self._limits, self._scratch_bytes) as path:
            self._path = str(path)
            return self._decode_file(path)

    def _decode_file(self, path: Path) -> SourceOutcome:
        self._check_unchanged()
        self._found.num_bytes = path.stat().st_size
        self._found.sha256 = storage.sha256_of(str(path))

        def plan(probe: Probe) -> tuple[int, ...]:
            self._found.probe = probe
            if not self._source.captions:
                self._narrate(embedded_captions(probe))
            self._plan = self._plan_clips(probe)
            if not self._plan.starts:
                raise MediaError("W_CAPPASTEOF", "all narration lies after the end of the video")
            self._on_due(deadline_s(request, self._limits, self._plan.starts))
            return self._plan.starts

        request = make_request(path, self._clips, self._limits)
        request = replace(request, wants_subtitles=not self._source.captions)
        _, summary = decode_source(request, self._limits, plan, self._take)
        self._check_unchanged()
        self._found.summary = summary
        if summary.num_damaged > MAX_DAMAGED_SHARE * summary.num_frames:
            raise MediaError(
                "W_CORRUPT", f"{summary.num_damaged} of {summary.num_frames} frames are damaged"
            )
        return self._outcome()

    def _plan_clips(self, probe: Probe) -> ClipPlan:
        clips = self._clips
        if not self._windows:
            if probe.duration_s is None:
                raise MediaError("W_NOCAP", "neither captions nor headers tell where it ends")
            if clips.policy != "linspace":
                # No window to cut by. The settings of the sample stay what they were.
                clips = clips.model_copy(update={"policy": "uniform"})
        source = self._source
        subject = Subject(
            source.video_id, probe.duration_s, self._limits.duration_s, source.interval
        )
        return plan_clips(self._windows, subject, clips)

    def _check_unchanged(self) -> None:
        """Called before and after a local video is read; a fetched one is a copy of its own."""
        source = self._source
        if storage.is_remote(source.video):
            return
        try:
            version = storage.version_of(source.video)
        except OSError as error:
            raise MediaError("E_FETCH", f"video: cannot be read: {error.strerror}") from error
        if not is_as_listed((source.bytes, source.stamp), version):
            raise MediaError("E_CHANGED", "video: changed since it was listed; run again")

    def _take(self, message: Message, block: bytes) -> None:
        place = self._spool.put(block) if message["kind"] == "clip" else (0, 0)
        self._messages.append((message, place))

    def _constant_meta(self) -> dict[str, Any]:
        """What all samples of the source say alike."""
        probe, summary, narration = self._found.probe, self._found.summary, self._found.narration
        assert probe is not None
        assert summary is not None
        assert narration is not None
        meta = {
            "video_id": self._source.video_id,
            "src": {"bytes": self._found.num_bytes, "sha256": self._found.sha256},
            "fps": self._clips.fps,
            "n": self._clips.num_frames,
            "margin": self._clips.margin,
            "enc": self._clips.encoding,
            "w": summary.width,
            "h": summary.height,
            "rot": summary.rotation,
            "sar": probe.sar,
            "codec": probe.codec,
            "lang": narration.language,
            "flags": self._found.flags,
            "build": {"code": CODE_VERSION, "cfg": self._config_hash},
        }
        return meta | ({"extra": json.loads(self._source.extra)} if self._source.extra else {})

    def _outcome(self) -> SourceOutcome:
        constant = self._constant_meta()
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
            bag = self._bag(message["slot"], t0_s, t1_s)
            times = {"t0_s": t0_s, "t1_s": t1_s, "pts_s": message["pts_s"], "dup": message["dup"]}
            flags = sorted({*constant["flags"], *message["flags"]})
            meta = constant | times | {"flags": flags}
            outcome.clips.append(SpooledClip(meta, bag, place, message["clip_bytes"]))
        if len(outcome.rejects) > 1 and not outcome.clips:
            outcome.rejects = [self._as_one(outcome.rejects)]
        return outcome

    def _as_one(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A source that gives no clip at all is one row, however many it was planned to give."""
        counts = Counter(row["code"] for row in rows)
        (code, _), *others = counts.most_common()
        first = next(row for row in rows if row["code"] == code)
        detail = f"no clip is left; the first: {first['detail']}"
        if others:
            detail += "; also " + ", ".join(f"{other} {count}" for other, count in others)
        return self._row(code, detail, first["stage"]) | {"clips": self._plan.num_planned}

    def _bag(self, slot: int, t0_s: float, t1_s: float) -> tuple[Window, ...]:
        drawn = self._plan.bags.get(slot)
        if drawn is None:
            return self._index.nearest(t0_s, t1_s, self._clips.bag_size)
        # The policy's order stands: its first window is the primary one.
        return self._index.chosen(drawn, t0_s, t1_s)

    def _start_s(self, slot: int) -> float:
        return slot_ms(slot, self._clips.fps) / 1000

    def _row(self, code: str, detail: str, stage: str) -> dict[str, Any]:
        name = self._source.name
        if self._path:
            # FFmpeg names the file; where it lay is no property of the source.
            detail = detail.replace(f"file:{self._path}", name).replace(self._path, name)
        return reject_row(self._source.video_id, code, detail, stage=stage, source=name)

    def _rejected(self, code: str, detail: str, stage: str) -> SourceOutcome:
        logger.info("%s is rejected: %s, %s", self._source.name, code, detail)
        row = self._row(code, detail, stage) | {"clips": self._plan.num_planned}
        return SourceOutcome(num_planned=self._plan.num_planned, rejects=[row])
