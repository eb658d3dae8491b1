"""A committed bundle without some of its videos: its tars written anew from their own samples.

Nothing is decoded, and the bytes are those that a build without these videos gives. Crash by
crash, where tars keep their names:
    before the note     nothing is changed
    after the note      a tar may be the old or the new one; the old ones that are left hold every
                        sample that no new one has, so the same call finishes from what stands
    after the record    only what no record names is left to delete
The note, done/BUNDLE.rewrite, lists the hashes of the new tars before the first is published.
"""

import dataclasses
from collections.abc import Collection, Iterator

from shards import storage
from shards.check import check_part
from shards.commit import DONE, BundleRecord, publish_parts, read_record, record_path
from shards.read import read_samples
from shards.schema import Sample, canonical_json
from shards.write import PartRecord, ShardWriter

NUM_DECODED = 1


def rewrite_bundle(
    out: str,
    bundle: str,
    gone: Collection[str],
    fingerprint: str,
    *,
    max_bytes: int,
    max_samples: int,
) -> None:
    """Take videos out of a committed bundle.

    Call it only while nothing builds into OUT. What no record names any more is left to
    `shards.commit.sweep_uncommitted`.

    Args:
        out: Output folder.
        bundle: Six digits.
        gone: Ids of the videos.
        fingerprint: What decides the bytes of the bundle without them.
        max_bytes: Cap on the size of a tar, as the bundle was built with.
        max_samples: Cap on the samples in a tar.

    Raises:
        ValueError: If the bundle is not committed, or its tars are damaged.
    """
    old = read_record(out, bundle)
    if old is None:
        raise ValueError(f"bundle {bundle} of {out} must be committed to be rewritten, it is not")
    note = storage.join(out, DONE, f"{bundle}.rewrite")
    noted = set(storage.read_json(note)) if storage.exists(note) else set()
    _check_tars(out, old, noted)
    splits = {row["key"]: row["split"] for part in old.parts for row in part.rows}
    with ShardWriter(out, bundle, max_bytes=max_bytes, max_samples=max_samples) as writer:
        for sample in _samples(out, old):
            if sample.meta["video_id"] not in gone:
                writer.add(sample, splits[sample.key])
        parts = writer.finish()
        for part in parts:
            if problems := check_part(part.temporary, part, num_decoded=NUM_DECODED):
                raise RuntimeError(f"a part must be whole before it is published: {problems[0]}")
        new = _without(old, gone, fingerprint, parts)
        noted |= {part.sha256 for part in parts}
        storage.write_atomic(note, canonical_json(sorted(noted)))
        new = publish_parts(out, new)
        storage.write_atomic(record_path(out, bundle), new.to_bytes())
    storage.delete(note)


def _check_tars(out: str, old: BundleRecord, noted: Collection[str]) -> None:
    """Refuse damage: it would get a good hash in the new tars."""
    for part in old.parts:
        path = storage.join(out, part.name)
        if noted and not storage.exists(path):
            continue  # the rewrite that was cut short needs fewer parts
        if storage.sha256_of(path) not in {part.sha256, *noted}:
            raise ValueError(
                f"{path} must be whole to be rewritten, but it is damaged; `weakvid shards` builds "
                "its bundle again from the sources"
            )


def _samples(out: str, old: BundleRecord) -> Iterator[Sample]:
    """Yield the samples of all tars in order, each once: a rewrite cut short left some twice."""
    seen: set[str] = set()
    for part in old.parts:
        path = storage.join(out, part.name)
        for sample in read_samples(path) if storage.exists(path) else ():
            if sample.key not in seen:
                seen.add(sample.key)
                yield sample


def _without(
    old: BundleRecord, gone: Collection[str], fingerprint: str, parts: list[PartRecord]
) -> BundleRecord:
    return dataclasses.replace(
        old,
        fingerprint=fingerprint,
        planned={name: count for name, count in old.planned.items() if name not in gone},
        parts=parts,
        rejects=[row for row in old.rejects if row["video_id"] not in gone],
        videos=[row for row in old.videos if row["video_id"] not in gone],
    )
