"""Sources -> bundles, fixed before anything is decoded and kept in plan.json.

A source goes to a bundle by a hash of its id, and stays there: the bundles of a plan never
depend on what is left to do. Sources that are listed for the first time by a later run form a
generation of bundles of their own, so the bundles before them are not built again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.runs import ShardsJob
from pipeline.listing.source import SourceFile
from pipeline.tasks.tasklist import TaskList, source_table
from shards.schema import CODE_VERSION

LEAST_BUNDLES = 4
"""So that a few videos still keep a few CPUs busy."""

MAX_BUNDLES = 10**6
"""A bundle is named by six digits."""

DIGEST_BYTES = 16

PLAN_COLUMNS = pa.schema(
    [
        ("video_id", pa.string()),
        ("bundle", pa.int32()),
        ("bytes", pa.int64()),
        ("digest", pa.binary(DIGEST_BYTES)),
    ]
)
"""One row a source that was ever listed, by bundle and id. `digest` is a hash of all that the
listing says of it, and null where it is not listed any more: it keeps its bundle."""


@dataclass(frozen=True, slots=True)
class Generation:
    """Sources that were listed together for the first time.

    Attributes:
        first_bundle: Number of its first bundle.
        num_buckets: Bundles that its sources are dealt to, by hash.
    """

    first_bundle: int
    num_buckets: int

    def bundle_of(self, video_id: str) -> int:
        """Return the bundle of a source of this generation."""
        digest = hashlib.sha256(b"bundle\0" + video_id.encode()).digest()
        return self.first_bundle + int.from_bytes(digest[:8]) % self.num_buckets


@dataclass(frozen=True)
class Plan:
    """Which source belongs to which bundle.

    Attributes:
        settings: Hash of the settings and the code version that decide bytes.
        generations: In the order in which they came.
        sources: Rows with `PLAN_COLUMNS`.
    """

    settings: str = ""
    generations: tuple[Generation, ...] = ()
    sources: pa.Table = field(default_factory=PLAN_COLUMNS.empty_table)

    def listed(self) -> pa.Table:
        """Return the rows of what is listed now."""
        return self.sources.filter(pc.is_valid(self.sources["digest"]))

    def fingerprints(self) -> dict[str, str]:
        """Return, for each bundle with a listed source, the hash of all that decides its bytes."""
        listed = self.listed().combine_chunks()
        numbers, begins, counts = runs(listed["bundle"].to_numpy())
        digests = listed["digest"].to_pylist()
        return {
            bundle_name(number): _fingerprint(self.settings, digests[begin : begin + count])
            for number, begin, count in zip(numbers, begins, counts, strict=True)
        }

    def identity(self) -> str:
        """Return a hash of all that decides the bytes of all bundles."""
        return hashlib.sha256("".join(self.fingerprints().values()).encode()).hexdigest()[:16]

    def without(self, video_ids: Sequence[str]) -> "Plan":
        """Return the plan of a listing that lacks some videos; they keep their bundles."""
        gone = pc.is_in(self.sources["video_id"], pa.array(video_ids, pa.string()))
        digests = pc.if_else(gone, pa.scalar(None, pa.binary(DIGEST_BYTES)), self.sources["digest"])
        place = PLAN_COLUMNS.get_field_index("digest")
        sources = self.sources.set_column(place, PLAN_COLUMNS.field("digest"), digests)
        return Plan(self.settings, self.generations, sources)


def bundle_name(number: int) -> str:
    """Return the name of a bundle."""
    return f"{number:06d}"


def runs(sorted_numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different numbers, where each begins, and how often it stands there."""
    numbers, begins, counts = np.unique(sorted_numbers, return_index=True, return_counts=True)
    return numbers, begins, counts


def plan_bundles(
    job: ShardsJob, out: str, sources: Sequence[SourceFile], older: Plan | None = None
) -> tuple[Plan, TaskList]:
    """Return the plan, and a task for each bundle that has a source, by bundle.

    Args:
        job: Settings.
        out: Absolute path of the output folder.
        sources: What is listed now, in any order.
        older: The plan that stands in the folder, if there is one; it is carried on.

    Raises:
        ValueError: If the older plan knows none of the sources, or there would be too many
            bundles.
    """
    older = older or Plan()
    ids = pa.array([source.video_id for source in sources], pa.string())
    known = pc.index_in(ids, older.sources["video_id"].combine_chunks())
    _refuse_other_set(job, out, older, known)
    is_new = pc.is_null(known).to_numpy(zero_copy_only=False)
    generations = _extend(older.generations, int(is_new.sum()), job.shards.sources_per_bundle)
    places = pc.fill_null(known, 0).to_numpy(zero_copy_only=False)
    bundles = np.append(older.sources["bundle"].to_numpy(), 0).astype(np.int32)[places]
    for row in np.flatnonzero(is_new).tolist():
        bundles[row] = generations[-1].bundle_of(sources[row].video_id)
    digests = pa.array([_digest(source) for source in sources], pa.binary(DIGEST_BYTES))
    order = pc.sort_indices(
        pa.table({"bundle": bundles, "video_id": ids}),
        sort_keys=[("bundle", "ascending"), ("video_id", "ascending")],
    )
    listed = source_table(sources).take(order).combine_chunks()
    rows = pa.table(
        [listed["video_id"], pa.array(bundles).take(order), listed["bytes"], digests.take(order)],
        schema=PLAN_COLUMNS,
    )
    gone = older.sources.filter(pc.invert(pc.is_in(older.sources["video_id"], ids)))
    plan = Plan(_settings_hash(job), generations, _with_gone(rows, gone))
    numbers, begins, counts = runs(rows["bundle"].to_numpy())
    known_bytes = np.maximum(rows["bytes"].to_numpy(), 0)
    tasks = TaskList(
        job,
        out,
        listed,
        [bundle_name(number) for number in numbers],
        list(plan.fingerprints().values()),
        begins,
        counts,
        np.add.reduceat(known_bytes, begins) if len(begins) else known_bytes,
    )
    return plan, tasks


def _refuse_other_set(job: ShardsJob, out: str, older: Plan, known: pa.Array) -> None:
    """Sources that are gone take their clips along: a mistyped path must not take all of them."""
    if older.sources.num_rows and known.null_count == len(known):
        raise ValueError(
            f"sources.path must hold some of the {older.sources.num_rows} videos that {out} was "
            f"built from, got none of them in {job.sources.path}; correct it, or choose another "
            "shards.out"
        )


def _extend(
    generations: tuple[Generation, ...], num_new: int, per_bundle: int
) -> tuple[Generation, ...]:
    if not num_new:
        return generations
    first_bundle = max((one.first_bundle + one.num_buckets for one in generations), default=0)
    num_buckets = max(-(-num_new // per_bundle), min(num_new, LEAST_BUNDLES))
    if first_bundle + num_buckets > MAX_BUNDLES:
        raise ValueError(
            f"a plan must have at most {MAX_BUNDLES} bundles, got {first_bundle + num_buckets}; "
            "raise shards.sources_per_bundle"
        )
    return (*generations, Generation(first_bundle, num_buckets))


def _with_gone(rows: pa.Table, gone: pa.Table) -> pa.Table:
    if not gone.num_rows:
        return rows
    digest = pa.nulls(gone.num_rows, pa.binary(DIGEST_BYTES))
    gone = gone.set_column(3, PLAN_COLUMNS.field("digest"), digest)
    return pa.concat_tables([rows, gone]).sort_by(
        [("bundle", "ascending"), ("video_id", "ascending")]
    )


def _digest(source: SourceFile) -> bytes:
    """Return a hash of what the listing says of a source, but for where it lies today."""
    value = [
        source.video_id,
        source.name,
        source.bytes,
        source.stamp,
        bool(source.captions),
        source.caption_bytes,
        source.caption_stamp,
        source.caption_span,
        source.language,
        source.interval,
        source.extra,
    ]
    return hashlib.sha256(json.dumps(value).encode()).digest()[:DIGEST_BYTES]


def _settings_hash(job: ShardsJob) -> str:
    """Return the hash of all settings that decide bytes of bundles and rows of their records."""
    shards = job.shards
    value = {
        "code": CODE_VERSION,
        "clips": job.clips.model_dump(mode="json"),
        "limits": job.sources.limits.model_dump(mode="json"),
        "narration": [list(job.sources.languages), job.sources.allow_uncaptioned],
        "caps": [shards.max_shard_bytes, shards.max_shard_samples],
        "splits": [shards.val_share, shards.test_share],
    }
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _fingerprint(settings: str, digests: Sequence[bytes]) -> str:
    return hashlib.sha256(settings.encode() + b"".join(digests)).hexdigest()
