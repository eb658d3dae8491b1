"""One bundle: its sources -> shards -> commit. What a Ray task does, without Ray."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from configs.clips import ClipsConfig
from configs.operating import OperatingConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.listing.source import SourceFile, reject_row
from pipeline.media.errors import LOAD_DEPENDENT
from pipeline.tasks.outcome import Findings, SourceOutcome, SpooledClip
from pipeline.tasks.quarantine import Verdict
from pipeline.tasks.source import SourceBuilder
from pipeline.tasks.spool import ClipSpool
from shards.commit import BundleRecord, commit_bundle
from shards.schema import sample_key, split_of, start_ms
from shards.write import PartRecord, ShardWriter
from trainers.telemetry.figures import SOURCE_SECONDS, SOURCES
from trainers.telemetry.here import at
from trainers.telemetry.publish import publish

logger = logging.getLogger(__name__)

SLOWEST_BYTES_PER_S = 1 << 20
"""What a source is read at, and a shard written at, where time is allotted for it."""


@dataclass(frozen=True, slots=True)
class BundleTask:
    """Everything that one bundle is a function of. `out` is an absolute path or a URL.

    `quarantined` are verdicts on sources that are not opened again. `is_final` tells whether a
    verdict that a busy machine can cause may stand; if not, the bundle is not committed. `versions`
    are those of the driver; a node that has others does not build it.
    """

    out: str
    bundle: str
    fingerprint: str
    sources: tuple[SourceFile, ...]
    clips: ClipsConfig
    shards: ShardsConfig
    intake: SourcesConfig
    config_hash: str
    quarantined: tuple[Verdict, ...] = ()
    is_final: bool = True
    operating: OperatingConfig = field(default_factory=OperatingConfig)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        """Bytes of the sources: how much work it is, roughly."""
        return sum(max(0, source.bytes) for source in self.sources)


@dataclass(frozen=True, slots=True)
class BundleCounts:
    """What a bundle has done so far.

    `source` is the id of the source under way, `due_s` the seconds after which the next note is
    overdue, `retries` the requests to a store that had to be sent again, `node` Ray's id of the
    machine, in a note.
    """

    videos: int = 0
    clips: int = 0
    rejects: int = 0
    source: str = ""
    due_s: float = 0.0
    retries: int = 0
    node: str = ""


class Suspicion(Exception):  # noqa: N818  it is no error
    """Sources with verdicts that a busy machine can cause. Nothing is committed."""

    def __init__(self, verdicts: tuple[Verdict, ...]) -> None:
        super().__init__(verdicts)
        self.verdicts = verdicts


class GivenUp(Exception):  # noqa: N818  it is no error
    """Another attempt at the bundle is under way: this one was taken for lost."""


def sample_config_hash(clips: ClipsConfig) -> str:
    """Return the hash of the settings that decide the bytes of a sample."""
    text = json.dumps(clips.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_bundle(task: BundleTask, on_progress: Callable[[BundleCounts], None]) -> BundleRecord:
    """Build and commit a bundle. Which attempt it is, and where, leaves no trace in the bytes.

    Args:
        task: The bundle.
        on_progress: Called before each source, once its length is known, and before the tars
            are written.

    Raises:
        OSError: If the output cannot be written; the message names the path.
        RuntimeError: If other bytes are committed for the same bundle.
        Suspicion: If a source must be tried alone first; not where the task is final.
    """
    with ClipSpool(task.out, task.bundle) as spool:
        outcomes, suspects = _build_sources(task, spool, on_progress)
        if suspects and not task.is_final:
            raise Suspicion(tuple(suspects))
        clips = [clip for outcome in outcomes for clip in outcome.clips]
        rejects = [row for outcome in outcomes for row in outcome.rejects]
        due_s = 60 + spool.mark() / SLOWEST_BYTES_PER_S
        on_progress(BundleCounts(len(outcomes), len(clips), len(rejects), "", due_s))
        parts = _write(task, clips, spool)
    ids = [source.video_id for source in task.sources]
    record = BundleRecord(
        bundle=task.bundle,
        fingerprint=task.fingerprint,
        planned={name: one.num_planned for name, one in zip(ids, outcomes, strict=True)},
        parts=parts,
        rejects=[row | {"bundle": task.bundle} for row in rejects],
        videos=[outcome.video for outcome in outcomes],
    )
    commit_bundle(task.out, record)
    return record


def probe_source(task: BundleTask, on_progress: Callable[[BundleCounts], None]) -> Verdict | None:
    """Build the one source of a task and keep nothing; return a verdict that load can cause."""
    with ClipSpool(task.out, task.bundle) as spool:
        _, suspects = _build_sources(task, spool, on_progress)
    return suspects[0] if suspects else None


def _build_sources(
    task: BundleTask, spool: ClipSpool, on_progress: Callable[[BundleCounts], None]
) -> tuple[list[SourceOutcome], list[Verdict]]:
    outcomes: list[SourceOutcome] = []
    suspects: list[Verdict] = []
    counts = BundleCounts()
    verdicts = {verdict.video_id: verdict for verdict in task.quarantined}
    for source in task.sources:

        def note(due_s: float, *, now: str = source.video_id) -> None:
            on_progress(replace(counts, source=now, due_s=due_s))  # noqa: B023  called at once

        note(task.intake.limits.deadline_s + max(0, source.bytes) / SLOWEST_BYTES_PER_S)
        verdict = verdicts.get(source.video_id)
        if verdict is not None:
            outcome = _quarantined(source, verdict)
        else:
            began_s = time.monotonic()
            with at(video=source.video_id):
                outcome = _build_one(task, source, spool, note)
            publish(SOURCE_SECONDS, time.monotonic() - began_s)
            # Of a video that gives clips, those that it lacks are no verdict on it.
            code = "ok" if outcome.clips else str(outcome.rejects[0]["code"])
            publish(SOURCES, 1, code=code)
            suspects += _suspects(source, outcome)
        outcomes.append(outcome)
        counts = BundleCounts(
            len(outcomes),
            counts.clips + len(outcome.clips),
            counts.rejects + len(outcome.rejects),
        )
    return outcomes, suspects


def _build_one(
    task: BundleTask, source: SourceFile, spool: ClipSpool, note: Callable[[float], None]
) -> SourceOutcome:
    mark = spool.mark()
    scratch_bytes = task.shards.scratch_bytes
    builder = SourceBuilder(
        source, task.clips, task.intake, task.config_hash, spool, note, scratch_bytes
    )
    try:
        return builder.build()
    except (OSError, GivenUp):
        raise  # the output or the attempt, not the source
    except Exception as error:
        # A hole in our code, found by one source, must not take the others along.
        logger.exception("%s: a fault of weakvid, please report it", source.name)
        spool.rewind(mark)
        return _rejected(source, "E_CRASH", f"{type(error).__name__}: {error}", "task")


def _quarantined(source: SourceFile, verdict: Verdict) -> SourceOutcome:
    return _rejected(source, verdict.code, verdict.detail, verdict.stage)


def _rejected(source: SourceFile, code: str, detail: str, stage: str) -> SourceOutcome:
    row = reject_row(source.video_id, code, detail, stage=stage, source=source.name)
    outcome = SourceOutcome(rejects=[row])
    outcome.video = Findings().row(source, outcome)
    return outcome


def _suspects(source: SourceFile, outcome: SourceOutcome) -> list[Verdict]:
    return [
        Verdict.on(source, row["code"], row["detail"], row["stage"])
        for row in outcome.rejects
        if row["code"] in LOAD_DEPENDENT and row["t0_s"] is None and row["stage"] == "decode"
    ]


def _write(task: BundleTask, clips: list[SpooledClip], spool: ClipSpool) -> list[PartRecord]:
    settings = task.shards
    with ShardWriter(
        task.out,
        task.bundle,
        max_bytes=settings.max_shard_bytes,
        max_samples=settings.max_shard_samples,
    ) as writer:
        for clip in sorted(clips, key=_scattered):
            split = split_of(clip.meta["video_id"], settings.val_share, settings.test_share)
            writer.add(clip.load(spool), split)
        return writer.finish()


def _scattered(clip: SpooledClip) -> bytes:
    """Order by a hash of the key: neighbours in a shard come from different videos."""
    key = sample_key(clip.meta["video_id"], start_ms(clip.meta))
    return hashlib.sha256(key.encode()).digest()
