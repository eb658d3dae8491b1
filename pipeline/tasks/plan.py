"""Sources -> bundles, fixed before anything is decoded and kept in plan.json.

A source goes to a bundle by a hash of its id, and stays there: the bundles of a plan never
depend on what is left to do. Sources that are listed for the first time by a later run form a
generation of bundles of their own, so the bundles before them are not built again.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from configs.runs import ShardsJob
from pipeline.listing.source import SourceFile
from pipeline.tasks.bundle import BundleTask, sample_config_hash
from shards import storage
from shards.schema import CODE_VERSION

PLAN = "plan.json"
PLAN_VERSION = 1
LEAST_BUNDLES = 4
"""So that a few videos still keep a few CPUs busy."""


@dataclass(frozen=True, slots=True)
class Generation:
    """Sources that were listed together for the first time.

    Attributes:
        first_bundle: Number of its first bundle.
        num_buckets: Bundles that its sources are dealt to, by hash.
        videos: Their ids.
    """

    first_bundle: int
    num_buckets: int
    videos: list[str]

    def bundle_of(self, video_id: str) -> str:
        """Return the bundle of a source of this generation."""
        digest = hashlib.sha256(b"bundle\0" + video_id.encode()).digest()
        return f"{self.first_bundle + int.from_bytes(digest[:8]) % self.num_buckets:06d}"


def plan_bundles(
    job: ShardsJob, out: str, sources: Sequence[SourceFile]
) -> tuple[list[Generation], list[BundleTask]]:
    """Return the generations and one task for each bundle that has a source.

    Args:
        job: Settings.
        out: Absolute path of the output folder; an older plan in it is carried on.
        sources: What is listed now.

    Raises:
        ValueError: If the folder's plan knows none of the sources.
    """
    older = load_generations(out)
    _refuse_other_set(job, out, older, sources)
    generations = _extend(older, sources, job.shards.sources_per_bundle)
    bundle_of = {
        video_id: generation.bundle_of(video_id)
        for generation in generations
        for video_id in generation.videos
    }
    by_bundle: dict[str, list[SourceFile]] = defaultdict(list)
    for source in sorted(sources, key=lambda one: one.video_id):
        by_bundle[bundle_of[source.video_id]].append(source)
    config_hash = sample_config_hash(job.clips)
    tasks = [
        BundleTask(
            out=out,
            bundle=bundle,
            fingerprint=_fingerprint(job, members),
            sources=tuple(members),
            clips=job.clips,
            shards=job.shards,
            intake=job.sources,
            config_hash=config_hash,
        )
        for bundle, members in sorted(by_bundle.items())
    ]
    return generations, tasks


def _refuse_other_set(
    job: ShardsJob, out: str, older: Sequence[Generation], sources: Sequence[SourceFile]
) -> None:
    """Sources that are gone take their clips along: a mistyped path must not take all of them."""
    known = {video_id for generation in older for video_id in generation.videos}
    if known and known.isdisjoint(source.video_id for source in sources):
        raise ValueError(
            f"sources.path must hold some of the {len(known)} videos that {out} was built from, "
            f"got none of them in {job.sources.path}; correct it, or choose another shards.out"
        )


def load_generations(out: str) -> list[Generation]:
    """Return the generations of the plan in a folder, none where there is no plan.

    Raises:
        ValueError: If plan.json is not one of ours.
    """
    path = storage.join(out, PLAN)
    if not storage.exists(path):
        return []
    value = storage.read_json(path)
    if not isinstance(value, dict) or value.get("version") != PLAN_VERSION:
        raise ValueError(
            f"{path} must be a plan of version {PLAN_VERSION}, got {str(value)[:80]}; "
            "choose another shards.out"
        )
    return [Generation(**generation) for generation in value["generations"]]


def save_plan(out: str, generations: Sequence[Generation], tasks: Sequence[BundleTask]) -> None:
    """Write plan.json."""
    value = {
        "version": PLAN_VERSION,
        "code": CODE_VERSION,
        "generations": [asdict(generation) for generation in generations],
        "bundles": [_bundle_row(task) for task in tasks],
    }
    data = json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"
    path = storage.join(out, PLAN)
    if not storage.exists(path) or storage.read_bytes(path) != data:
        storage.write_atomic(path, data)


def _bundle_row(task: BundleTask) -> dict[str, Any]:
    return {
        "bundle": task.bundle,
        "fingerprint": task.fingerprint,
        "config": task.config_hash,
        "videos": [source.video_id for source in task.sources],
        "bytes": task.num_bytes,
    }


def _extend(
    generations: list[Generation], sources: Sequence[SourceFile], per_bundle: int
) -> list[Generation]:
    known = {video_id for generation in generations for video_id in generation.videos}
    new = sorted({source.video_id for source in sources} - known)
    if not new:
        return generations
    first_bundle = max((one.first_bundle + one.num_buckets for one in generations), default=0)
    num_buckets = max(-(-len(new) // per_bundle), min(len(new), LEAST_BUNDLES))
    return [*generations, Generation(first_bundle, num_buckets, new)]


def _fingerprint(job: ShardsJob, sources: Sequence[SourceFile]) -> str:
    """Return the hash of all that decides the bytes of a bundle and the rows of its manifest."""
    shards = job.shards
    value = {
        "code": CODE_VERSION,
        "clips": job.clips.model_dump(mode="json"),
        "limits": job.sources.limits.model_dump(mode="json"),
        "narration": [list(job.sources.languages), job.sources.allow_uncaptioned],
        "caps": [shards.max_shard_bytes, shards.max_shard_samples],
        "splits": [shards.val_share, shards.test_share],
        "sources": [
            [
                source.video_id,
                source.name,
                source.bytes,
                source.stamp,
                source.captions.rpartition(".")[2],
                source.caption_bytes,
                source.caption_stamp,
                source.caption_span,
                source.language,
                source.interval,
                source.extra,
            ]
            for source in sources
        ],
    }
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
