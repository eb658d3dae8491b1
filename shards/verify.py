"""Proof that an output folder is whole: tars, records, manifest, rejects and their counts."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from shards import storage
from shards.accounting import close_books
from shards.check import check_part
from shards.commit import BundleRecord, committed_bundles, read_record
from shards.manifest import MANIFEST, REJECTS, SUCCESS, Manifest, load_rejects
from shards.schema import canonical_json

NUM_DECODED = 3
"""Samples of each shard whose clip and audio are decoded."""


def verify(out: str, *, num_decoded: int = NUM_DECODED) -> list[str]:
    """Return the problems of an output folder, nothing where it is whole.

    Args:
        out: A folder written by `weakvid shards`.
        num_decoded: Samples of each shard that are decoded.
    """
    try:
        manifest = Manifest.load(out)
        records = [_record(out, row["bundle"]) for row in manifest.bundles]
        rejects = load_rejects(out)
    except (ValueError, KeyError, TypeError) as error:
        return [f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)]
    problems = _check_marker(out) + _check_leftovers(out, manifest)
    problems += _check_books(out, manifest, records, rejects)
    problems += _check_table(manifest, records)
    for record in records:
        for part in record.parts:
            path = storage.join(out, part.name)
            problems += check_part(path, part, num_decoded=num_decoded)
    return problems


def _record(out: str, bundle: str) -> BundleRecord:
    record = read_record(out, bundle)
    if record is None:
        raise ValueError(f"{out} must hold done/{bundle}.json, which {MANIFEST} names; it does not")
    return record


def _check_marker(out: str) -> list[str]:
    path = storage.join(out, SUCCESS)
    if not storage.exists(path):
        return [f"{path} is missing: the build did not end"]
    sha256 = hashlib.sha256(storage.read_bytes(storage.join(out, MANIFEST))).hexdigest()
    if storage.read_bytes(path).strip() != sha256.encode():
        return [f"{path} must hold the SHA-256 of {MANIFEST}, {sha256}; it does not"]
    return []


def _check_leftovers(out: str, manifest: Manifest) -> list[str]:
    listed = {shard["name"] for shard in manifest.shards}
    bundles = {row["bundle"] for row in manifest.bundles}
    tars = [name for name in storage.list_names(out, ".tar") if name not in listed]
    done = [name for name in committed_bundles(out) if name not in bundles]
    return [f"{storage.join(out, name)} is in no manifest" for name in tars] + [
        f"{storage.join(out, 'done', name)}.json is in no manifest" for name in done
    ]


def _check_books(
    out: str, manifest: Manifest, records: Sequence[BundleRecord], rejects: Sequence[dict[str, Any]]
) -> list[str]:
    try:
        totals = close_books(records, [row for row in rejects if not row.get("bundle")])
    except ValueError as error:
        return [str(error)]
    problems = [
        f"{MANIFEST} must count {totals[name]!r} {name}, got {manifest.totals.get(name)!r}"
        for name in totals
        if totals[name] != manifest.totals.get(name)
    ]
    if len(rejects) != totals["rejects"]:
        problems.append(
            f"{REJECTS} must have {totals['rejects']} rows, got {len(rejects)} in {out}"
        )
    built = Counter(canonical_json(row) for record in records for row in record.rejects)
    if built - Counter(map(canonical_json, rejects)):
        problems.append(f"{REJECTS} must hold the rejects of all bundles as their records say")
    return problems


def _check_table(manifest: Manifest, records: Sequence[BundleRecord]) -> list[str]:
    columns = ["key", "video_id", "split", "shard", "offset", "length", "t0_ms", "t1_ms"]
    columns += ["num_windows", "caption"]
    built = {
        row["key"]: {name: row[name] for name in columns}
        for record in records
        for part in record.parts
        for row in part.rows
    }
    rows = manifest.samples.select(columns).to_pylist()
    listed = {row["key"]: row for row in rows}
    problems = [f"key {key} must stand in the manifest once" for key in built if key not in listed]
    if len(listed) != len(rows):
        problems.append(f"keys must be unique, got {len(rows) - len(listed)} repeated ones")
    return problems + [
        f"the manifest's row of {key} must equal its bundle's record"
        for key, row in listed.items()
        if row != built.get(key)
    ]
