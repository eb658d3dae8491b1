"""The books of a build: planned = written + rejected, for each video and in total."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shards.commit import BundleRecord

NUM_NAMED = 5
"""Videos named in a message about books that do not close."""


def close_books(
    records: Sequence[BundleRecord], plan_rejects: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return the totals of a build.

    Args:
        records: All bundles of the plan.
        plan_rejects: Rejects of sources that are in no bundle.

    Returns:
        `sources`, `planned`, `written` and `rejected` (clips), `bytes`, `shards`, `bundles`,
        `videos_written`, `videos_rejected`, `rejects` (rows), `codes` and `splits` (counts).

    Raises:
        ValueError: If a video lost clips, or the video itself, without a reject.
    """
    planned: Counter[str] = Counter()
    written: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    for record in records:
        planned.update(record.planned)
        for part in record.parts:
            written.update(row["video_id"] for row in part.rows)
            splits.update(row["split"] for row in part.rows)
    rejects = [row for record in records for row in record.rejects] + list(plan_rejects)
    _check(planned, written, rejects)
    parts = [part for record in records for part in record.parts]
    num_sources = sum(len(record.planned) for record in records) + len(plan_rejects)
    return {
        "sources": num_sources,
        "planned": planned.total(),
        "written": written.total(),
        "rejected": sum(row["clips"] for row in rejects),
        "videos_written": len(written),
        "videos_rejected": num_sources - len(written),
        "rejects": len(rejects),
        "codes": dict(sorted(Counter(row["code"] for row in rejects).items())),
        "splits": {split: splits[split] for split in ("train", "val", "test")},
        "bundles": len(records),
        "shards": len(parts),
        "bytes": sum(part.bytes for part in parts),
    }


def _check(
    planned: Counter[str], written: Counter[str], rejects: Sequence[Mapping[str, Any]]
) -> None:
    rejected: Counter[str] = Counter()
    for row in rejects:
        rejected[row["video_id"]] += row["clips"]
    videos = planned.keys() | written.keys() | rejected.keys()
    open_books = [
        f"{video!r}: {planned[video]} != {written[video]} + {rejected[video]}"
        for video in sorted(videos)
        if planned[video] != written[video] + rejected[video]
    ]
    silent = sorted(set(planned) - set(written) - set(rejected))
    if open_books:
        raise ValueError(
            "planned clips must equal written + rejected, got "
            f"{'; '.join(open_books[:NUM_NAMED])} ({len(open_books)} videos)"
        )
    if silent:
        raise ValueError(
            "every video must have a clip or a reject, got neither for "
            f"{', '.join(map(repr, silent[:NUM_NAMED]))} ({len(silent)} videos)"
        )
