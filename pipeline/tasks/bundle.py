"""One bundle: its sources -> shards -> commit. What a Ray task does, without Ray."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.listing.source import SourceFile
from pipeline.tasks.outcome import SpooledClip
from pipeline.tasks.source import SourceBuilder
from pipeline.tasks.spool import ClipSpool
from shards.commit import BundleRecord, commit_bundle
from shards.schema import sample_key, split_of, start_ms
from shards.write import PartRecord, ShardWriter


@dataclass(frozen=True, slots=True)
class BundleTask:
    """Everything that one bundle is a function of. `out` is an absolute path."""

    out: str
    bundle: str
    fingerprint: str
    sources: tuple[SourceFile, ...]
    clips: ClipsConfig
    shards: ShardsConfig
    intake: SourcesConfig
    config_hash: str

    @property
    def num_bytes(self) -> int:
        """Bytes of the sources: how much work it is, roughly."""
        return sum(source.bytes for source in self.sources)


@dataclass(frozen=True, slots=True)
class BundleCounts:
    """What a bundle has done so far, for the progress bar."""

    videos: int = 0
    clips: int = 0
    rejects: int = 0


def sample_config_hash(clips: ClipsConfig) -> str:
    """Return the hash of the settings that decide the bytes of a sample."""
    text = json.dumps(clips.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_bundle(
    task: BundleTask, attempt: int, on_progress: Callable[[BundleCounts], None]
) -> BundleRecord:
    """Build and commit a bundle; the bytes do not depend on `attempt`.

    Args:
        task: The bundle.
        attempt: Number of this attempt, noted in the record and in rejects.
        on_progress: Called before the first source and after each.

    Raises:
        OSError: If the output cannot be written; the message names the path.
        RuntimeError: If other bytes are committed for the same bundle.
    """
    planned: dict[str, int] = {}
    rejects: list[dict[str, Any]] = []
    videos: list[dict[str, Any]] = []
    clips: list[SpooledClip] = []
    on_progress(BundleCounts())
    with ClipSpool(task.out, task.bundle) as spool:
        for source in task.sources:
            outcome = SourceBuilder(
                source, task.clips, task.intake, task.config_hash, spool
            ).build()
            planned[source.video_id] = outcome.num_planned
            clips += outcome.clips
            rejects += outcome.rejects
            videos.append(outcome.video)
            on_progress(BundleCounts(len(planned), len(clips), len(rejects)))
        parts = _write(task, clips, spool)
    stamp = {"bundle": task.bundle, "attempt": attempt}
    record = BundleRecord(
        bundle=task.bundle,
        fingerprint=task.fingerprint,
        planned=planned,
        parts=parts,
        rejects=[row | stamp for row in rejects],
        videos=videos,
        attempt=attempt,
    )
    commit_bundle(task.out, record)
    return record


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
