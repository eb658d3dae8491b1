"""Taking videos down: their clips go from the shards, and later builds do not bring them back.

Works from the output folder alone; the sources need not be there any more.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tasks.narration import transcript_name
from pipeline.tasks.plan import Plan, bundle_name
from pipeline.tasks.planfile import load_plan, save_plan
from pipeline.tasks.recorded import load_settings
from pipeline.tasks.removed import CODE, load_removed, remember_removed, removed_rows
from pipeline.tasks.survey import committed_fingerprints
from shards import storage
from shards.commit import committed_bundles, read_record, retire_bundle, sweep_uncommitted
from shards.fold import fold
from shards.manifest import Manifest, iter_rejects
from shards.rewrite import rewrite_bundle
from shards.state import begin_build

logger = logging.getLogger(__name__)

TRANSCRIPTS = "_transcripts"
STALE = "stale"
"""Fingerprint of a bundle that is not what the plan says, and will be built again."""


@dataclass(frozen=True, slots=True)
class Takedown:
    """What is to go.

    Attributes:
        out: Output folder.
        gone: Ids of all videos that were taken down, now or before.
        before: The plan as it stands.
        after: The plan without them.
        bundles: Committed bundles that still hold one of them.
    """

    out: str
    gone: frozenset[str]
    before: Plan
    after: Plan
    bundles: list[str]


def plan_takedown(out: str, video_ids: Sequence[str]) -> Takedown:
    """Find what is to be rewritten; touches nothing.

    Raises:
        ValueError: If a video is not known to the output folder.
    """
    before = load_plan(out)
    known = before.sources.filter(
        pc.is_in(before.sources["video_id"], pa.array(video_ids, pa.string()))
    )
    if strangers := sorted({*video_ids} - {*known["video_id"].to_pylist()} - {*load_removed(out)}):
        raise ValueError(
            f"--remove must name videos of {out} by their ids, got {', '.join(strangers)}, which "
            "it does not know; the ids stand in its videos.parquet"
        )
    gone = frozenset([*video_ids, *load_removed(out)])
    rows = before.sources.filter(pc.is_in(before.sources["video_id"], pa.array(sorted(gone))))
    candidates = {bundle_name(number) for number in rows["bundle"].to_pylist()}
    bundles = [
        bundle
        for bundle in sorted(candidates.intersection(committed_bundles(out)))
        if (record := read_record(out, bundle, with_samples=False))
        and not gone.isdisjoint(record.planned)
    ]
    return Takedown(out, gone, before, before.without(sorted(gone)), bundles)


def take_down(takedown: Takedown) -> Manifest | None:
    """Take the videos down; may be cut short at any point and given again.

    Returns:
        The new manifest, None where the build of the folder is not complete yet.

    Raises:
        ValueError: If tars that must be rewritten are damaged.
    """
    out = takedown.out
    # First of all: whatever happens from here on, no build brings them back.
    remember_removed(out, takedown.gone)
    storage.sweep_temporary(out)
    if takedown.bundles:
        begin_build(out, replaces=True)
    old, new = takedown.before.fingerprints(), takedown.after.fingerprints()
    for bundle in takedown.bundles:
        _rewrite(takedown, bundle, old.get(bundle, ""), new.get(bundle, ""))
    save_plan(out, takedown.after)
    for video_id in takedown.gone:
        storage.delete(storage.join(out, TRANSCRIPTS, transcript_name(video_id)))
    sweep_uncommitted(out)
    if committed_fingerprints(out) != new:
        logger.warning("the build of %s is not complete; `weakvid shards` goes on with it", out)
        return None
    unplanned = [row for row in iter_rejects(out) if not row["bundle"] and row["code"] != CODE]
    return fold(out, list(new), [*unplanned, *removed_rows(sorted(takedown.gone))])


def takedown_text(takedown: Takedown) -> str:
    """Return what `take_down` would do, as text."""
    return "\n".join(
        [
            f"remove    {', '.join(sorted(takedown.gone)) or 'nothing'}",
            f"rewrite   {len(takedown.bundles)} bundles: {', '.join(takedown.bundles) or 'none'}",
            f"output    {takedown.out}",
        ]
    )


def _rewrite(takedown: Takedown, bundle: str, old: str, new: str) -> None:
    record = read_record(takedown.out, bundle, with_samples=False)
    if record is None or not new:  # no source of it is left
        retire_bundle(takedown.out, bundle)
        return
    caps = load_settings(takedown.out)["shards"]
    rewrite_bundle(
        takedown.out,
        bundle,
        takedown.gone,
        new if record.fingerprint in (old, new) else STALE,
        max_bytes=caps["max_shard_bytes"],
        max_samples=caps["max_shard_samples"],
    )
