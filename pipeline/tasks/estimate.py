"""What a build will cost, told before it begins: hours, clips, core-hours, shards, bytes.

A few sources are looked into: their headers are probed and their narration is read, nothing is
decoded. The rest is taken to be like them, byte for byte. The rates below turn clips and pixels
into seconds and bytes; docs/scaling.md says how they were measured.
"""

import logging
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from configs.clips import ClipsConfig
from configs.runs import ShardsJob
from pipeline.captions.cue import CaptionError
from pipeline.captions.windows import make_windows
from pipeline.listing.source import SourceFile
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import MediaError
from pipeline.media.request import Probe
from pipeline.tasks.clips import Subject, plan_clips
from pipeline.tasks.narration import embedded_captions, listed_captions, narrate
from pipeline.tasks.tasklist import TaskList, source_files
from shards import storage

logger = logging.getLogger(__name__)

NUM_PROBED = range(4, 9)
"""Sources that are looked into, at least and at most: a second of work before a build begins."""

PROBED_SHARE = 1 / 16
"""Share of the sources that are looked into, between those limits: looking into all of a few would
take long beside building them."""

CORE_S_PER_SOURCE = 0.25
CORE_S_PER_MPX_DECODED = 0.0004
CORE_S_PER_MPX_STORED = 0.016
"""Core-seconds: to start a decoder child, to decode, to scale and encode."""

SOUND_BYTES_PER_S = 14_000
MP4_BYTES_PER_CLIP = 81_000
"""Stored bytes: flac of a second of 16 kHz mono, and a clip of 32 frames at 256 px and crf 18."""

JPG_BYTES_PER_PX = 0.25

UNSEEN_S_PER_BYTE = 1 / 60_000
UNSEEN_CLIPS_PER_S = 0.3
UNSEEN_PROBE = Probe(None, "", 640, 360, "1:1", 30.0, has_audio=True, flags=[])
"""What is assumed where no source can be looked into: 360p as the web has it, HowTo100M's clips."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan will cost.

    Attributes:
        sources: Videos of the plan.
        source_bytes: Their bytes, as far as they are known.
        hours: Hours of video.
        clips: Clips planned, before any is rejected.
        core_hours: Hours of one core.
        shards: Tars.
        output_bytes: Bytes of the tars.
        probed: Sources that were looked into; 0: rates of docs/scaling.md alone.
    """

    sources: int
    source_bytes: int
    hours: float
    clips: int
    core_hours: float
    shards: int
    output_bytes: int
    probed: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look into one source told; all 0 for one that will be rejected."""

    num_bytes: int
    duration_s: float = 0.0
    clips: int = 0
    decoded_mpx: float = 0.0
    stored_mpx: float = 0.0
    sound_s: float = 0.0


class _Seen(Exception):  # noqa: N818  it ends a decoder child that has told enough
    def __init__(self, look: _Look) -> None:
        super().__init__()
        self.look = look


def estimate(job: ShardsJob, tasks: TaskList) -> Estimate:
    """Return what it costs to build all of these tasks."""
    num_bytes = int(tasks.num_bytes.sum())
    chosen = _sample(tasks)
    with ThreadPoolExecutor(max(1, min(2, len(chosen)))) as pool:
        looks = list(pool.map(lambda source: _look_into(job, source), chosen))
    seen_bytes = sum(look.num_bytes for look in looks)
    if not sum(look.duration_s for look in looks):
        looks, seen_bytes = [_unseen(job.clips)], _unseen(job.clips).num_bytes
    num_sources = tasks.num_sources
    # Of sources without a known size each is taken to be like the mean one.
    scale = num_bytes / seen_bytes if num_bytes else num_sources / len(looks)
    clips = round(scale * sum(look.clips for look in looks))
    core_s = (
        num_sources * CORE_S_PER_SOURCE
        + scale * sum(look.decoded_mpx for look in looks) * CORE_S_PER_MPX_DECODED
        + scale * sum(look.stored_mpx for look in looks) * CORE_S_PER_MPX_STORED
    )
    output_bytes = round(scale * _stored_bytes(job.clips, looks))
    return Estimate(
        sources=num_sources,
        source_bytes=num_bytes,
        hours=round(scale * sum(look.duration_s for look in looks) / 3600, 6),
        clips=clips,
        core_hours=round(core_s / 3600, 6),
        shards=_num_shards(job, tasks, clips, output_bytes),
        output_bytes=output_bytes,
        probed=len(chosen) if looks and chosen else 0,
    )


def estimate_text(one: Estimate, cpus: int) -> list[str]:
    """Return the lines of a dry run.

    Args:
        one: The estimate.
        cpus: CPUs that would work on it; 0 where that is not known.
    """
    basis = (
        f"headers and narration of {one.probed} of {one.sources} videos, the rest by their bytes"
        if one.probed
        else "rates of docs/scaling.md; no video could be looked into"
    )
    wall = f", {_span(one.core_hours / cpus)} on {cpus} CPUs" if cpus else ""
    return [
        f"estimate  {_span(one.hours)} of video, {one.clips} clips",
        f"          {_span(one.core_hours)} of one core{wall}",
        f"          {one.shards} tars, {one.output_bytes / 2**20:.0f} MiB",
        f"          from {basis}",
    ]


def _span(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def _sample(tasks: TaskList) -> Sequence[SourceFile]:
    """Choose local sources: they lie in bundles by hash, so any row is as good as another."""
    num_rows = tasks.sources.num_rows
    wanted = np.clip(math.ceil(num_rows * PROBED_SHARE), NUM_PROBED.start, NUM_PROBED.stop - 1)
    rows = np.unique(np.linspace(0, num_rows - 1, min(int(wanted), num_rows)).astype(int))
    return [
        source
        for source in (source_files(tasks.sources.slice(int(row), 1))[0] for row in rows)
        if not storage.is_remote(source.video) and source.bytes > 0
    ]


def _look_into(job: ShardsJob, source: SourceFile) -> _Look:
    """Probe a source and plan its clips, as its build will."""
    limits = job.sources.limits
    narration = listed_captions(source, limits) if source.captions else None

    def plan(probe: Probe) -> Sequence[int]:
        spoken = narrate(source, narration or embedded_captions(probe), job.sources)
        windows = make_windows(spoken.cues, job.clips.max_words)
        clips = job.clips if windows else job.clips.model_copy(update={"policy": "uniform"})
        subject = Subject(source.video_id, probe.duration_s, limits.duration_s, source.interval)
        planned = plan_clips(windows, subject, clips)
        raise _Seen(_measured(source.bytes, probe, planned.num_planned, job.clips))

    request = make_request(Path(source.video), job.clips, limits)
    request = replace(request, wants_subtitles=not source.captions)
    try:
        decode_source(request, limits, plan, lambda message, block: None)
    except _Seen as seen:
        return seen.look
    except (CaptionError, MediaError) as error:
        logger.debug("%s will be rejected: %s", source.name, error)
    return _Look(source.bytes)


def _measured(num_bytes: int, probe: Probe, clips: int, settings: ClipsConfig) -> _Look:
    duration_s = probe.duration_s or 0.0
    source_px = probe.width * probe.height
    shrink = min(1.0, settings.short_side / max(1, min(probe.width, probe.height)))
    frames = settings.num_frames + 2 * settings.margin
    return _Look(
        num_bytes,
        duration_s,
        clips,
        decoded_mpx=duration_s * (probe.rate or 25.0) * source_px / 1e6,
        stored_mpx=clips * frames * source_px * shrink**2 / 1e6,
        sound_s=clips * settings.num_frames / settings.fps * probe.has_audio,
    )


def _unseen(settings: ClipsConfig) -> _Look:
    probe = replace(UNSEEN_PROBE, duration_s=300.0)
    clips = {
        "uniform": 300.0 / settings.stride_s,
        "per_window": 300.0 * UNSEEN_CLIPS_PER_S,
    }.get(settings.policy, settings.clips_per_video)
    return _measured(round(300.0 / UNSEEN_S_PER_BYTE), probe, round(clips), settings)


def _stored_bytes(settings: ClipsConfig, looks: Sequence[_Look]) -> float:
    """Return the bytes of the clips of some sources."""
    sound = SOUND_BYTES_PER_S * settings.audio_hz / 16_000 * sum(look.sound_s for look in looks)
    stored_px = 1e6 * sum(look.stored_mpx for look in looks)
    match settings.encoding:
        case "npy":
            return sound + 3 * stored_px
        case "jpgs":
            return sound + JPG_BYTES_PER_PX * stored_px
        case "mp4":
            # Larger pictures have less to say per pixel.
            clips = sum(look.clips for look in looks)
            size = math.sqrt(stored_px / max(1, clips) / (32 * 455 * 256))
            quality = 2 ** ((18 - settings.crf) / 6)
            return sound + MP4_BYTES_PER_CLIP * clips * size * quality


def _num_shards(job: ShardsJob, tasks: TaskList, clips: int, output_bytes: int) -> int:
    """Each bundle cuts its own clips into tars."""
    bundles = max(1, len(tasks))
    by_samples = clips / bundles / job.shards.max_shard_samples
    by_bytes = output_bytes / bundles / job.shards.max_shard_bytes
    return bundles * max(1, math.ceil(max(by_samples, by_bytes)))
