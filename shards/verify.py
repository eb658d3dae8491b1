"""Proof that an output folder is whole: tars, records, manifest, tables and their counts.

One pass over the bundles: a record is read, held against the manifest, and its tars are read
through. Nothing is mended here; `weakvid shards` on the same folder builds what is damaged again.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shards import storage
from shards.accounting import close_books
from shards.check import check_part
from shards.commit import BundleRecord, committed_bundles, read_record, record_path
from shards.manifest import MANIFEST, REJECTS, SAMPLES, SUCCESS, VIDEOS, Manifest, load_rejects
from shards.schema import canonical_json
from shards.write import PartRecord

NUM_DECODED = 3
"""Samples of each shard whose clip and audio are decoded."""

ADDED_BY_FOLD = "W_DUPBYTES"
"""The one flag that only the whole set can tell: a record's rows do not have it."""

NUM_NAMED = 5
MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
"""What reading a field of damaged JSON can raise."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Index:
    """The manifest by name.

    Attributes:
        bundles: Row of each bundle.
        shards_of: Shards of a bundle.
        rows_of: First row in the table of a shard, and their number.
        num_bytes: Bytes of all shards.
    """

    bundles: Mapping[str, dict[str, Any]]
    shards_of: Mapping[str, list[dict[str, Any]]]
    rows_of: Mapping[str, tuple[int, int]]
    num_bytes: int


def verify(
    out: str,
    *,
    num_decoded: int | None = NUM_DECODED,
    quick: bool = False,
    on_bytes: Progress | None = None,
) -> list[str]:
    """Return the problems of an output folder, nothing where it is whole.

    Args:
        out: A folder written by `weakvid shards`.
        num_decoded: Samples of each shard that are decoded; None for all.
        quick: Compare records, tables, names and sizes, and read no byte of a tar.
        on_bytes: Called after each tar with the bytes of tars that are done, and of all.
    """
    try:
        manifest = Manifest.load(out)
        index = _index(manifest)
        facts = storage.read_json(storage.join(out, MANIFEST))
        problems = _check_marker(out) + _check_leftovers(out, manifest)
        problems += _check_hashes(out, facts)
    except MALFORMED as error:
        return [f"{storage.join(out, MANIFEST)}: {_said(error)}"]
    done = 0
    records: list[BundleRecord] = []
    for bundle, row in index.bundles.items():
        try:
            record = _record(out, bundle)
            problems += _check_record(out, record, row, manifest, index)
        except MALFORMED as error:
            problems.append(f"{record_path(out, bundle)}: {_said(error)}")
            continue
        records.append(record)
        for part in record.parts:
            problems += _check_tar(out, part, num_decoded, quick)
            done += part.bytes
            if on_bytes is not None:
                on_bytes(done, index.num_bytes)
    if len(records) == len(manifest.bundles):
        problems += _check_books(out, manifest, records)
    return problems + _check_keys(manifest)


def _said(error: Exception) -> str:
    """Return a message that names the exception where its text alone says little."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _check_tar(out: str, part: PartRecord, num_decoded: int | None, quick: bool) -> list[str]:
    path = storage.join(out, part.name)
    if not quick:
        count = part.num_samples if num_decoded is None else num_decoded
        return check_part(path, part, num_decoded=count)
    if not storage.exists(path):
        return [f"{path} is missing"]
    size = storage.size_of(path)
    return [] if size == part.bytes else [f"{path} must have {part.bytes} bytes, got {size}"]


def _record(out: str, bundle: str) -> BundleRecord:
    record = read_record(out, bundle)
    if record is None:
        raise ValueError(f"must be there, since {MANIFEST} names it; it is not")
    return record


def _check_marker(out: str) -> list[str]:
    path = storage.join(out, SUCCESS)
    if not storage.exists(path):
        return [f"{path} is missing: the build did not end"]
    sha256 = hashlib.sha256(storage.read_bytes(storage.join(out, MANIFEST))).hexdigest()
    if storage.read_bytes(path).strip() != sha256.encode():
        return [f"{path} must hold the SHA-256 of {MANIFEST}, {sha256}; it does not"]
    return []


def _check_hashes(out: str, facts: dict[str, Any]) -> list[str]:
    problems = []
    for name, field in (
        (SAMPLES, "samples_sha256"),
        (VIDEOS, "videos_sha256"),
        (REJECTS, "rejects_sha256"),
    ):
        path = storage.join(out, name)
        if not storage.exists(path):
            problems.append(f"{path} is missing")
        elif (sha256 := storage.sha256_of(path)) != facts[field]:
            problems.append(f"{path} must have SHA-256 {facts[field]}, got {sha256}")
    return problems


def _check_leftovers(out: str, manifest: Manifest) -> list[str]:
    listed = {shard["name"] for shard in manifest.shards}
    bundles = {row["bundle"] for row in manifest.bundles}
    tars = [name for name in storage.list_names(out, ".tar") if name not in listed]
    done = [name for name in committed_bundles(out) if name not in bundles]
    return [f"{storage.join(out, name)} is in no manifest" for name in tars] + [
        f"{record_path(out, name)} is in no manifest" for name in done
    ]


def _check_record(
    out: str,
    record: BundleRecord,
    row: dict[str, Any],
    manifest: Manifest,
    index: _Index,
) -> list[str]:
    """Hold a record against all that the manifest says of its bundle."""
    path = record_path(out, row["bundle"])
    problems = []
    if storage.read_bytes(path).rstrip() != record.to_bytes().rstrip():
        problems.append(f"{path} must be written as `weakvid shards` writes it: it is damaged")
    told = {
        "bundle": record.bundle,
        "fingerprint": record.fingerprint,
        "num_samples": record.num_samples,
        "num_rejects": len(record.rejects),
        "planned": sum(record.planned.values()),
    }
    problems += [
        f"{path} must agree with {MANIFEST} in {name}, got {value!r} and {row.get(name)!r}"
        for name, value in told.items()
        if row.get(name) != value
    ]
    listed = index.shards_of.get(record.bundle, [])
    if [_facts(part, record.bundle) for part in record.parts] != listed:
        problems.append(f"{path} must name the shards that {MANIFEST} names for it")
    for part in record.parts:
        problems += _check_rows(path, part, manifest.samples, index.rows_of.get(part.name, (0, 0)))
    return problems


def _facts(part: PartRecord, bundle: str) -> dict[str, Any]:
    return {
        "name": part.name,
        "bundle": bundle,
        "sha256": part.sha256,
        "bytes": part.bytes,
        "num_samples": part.num_samples,
    }


def _index(manifest: Manifest) -> _Index:
    shards_of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for shard in manifest.shards:
        shards_of[shard["bundle"]].append(shard)
    rows_of: dict[str, tuple[int, int]] = {}
    first = 0
    for chunk in manifest.samples["shard"].chunks:
        runs = pc.run_end_encode(chunk)
        begin = 0
        for shard, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            # A shard may go on in the next chunk.
            start, count = rows_of.get(shard, (first, 0))
            rows_of[shard] = (start, count + end - begin)
            first += end - begin
            begin = end
    bundles = {row["bundle"]: row for row in manifest.bundles}
    return _Index(bundles, shards_of, rows_of, sum(shard["bytes"] for shard in manifest.shards))


def _check_rows(
    path: str, part: PartRecord, samples: pa.Table, place: tuple[int, int]
) -> list[str]:
    listed = samples.slice(*place).to_pylist()
    if len(listed) != len(part.rows):
        return [
            f"{path} must have the rows of {part.name} that the manifest has, "
            f"got {len(part.rows)} and {len(listed)}"
        ]
    return [
        f"the manifest's row of {got['key']} must equal its bundle's record"
        for got, want in zip(listed, part.rows, strict=True)
        if not _is_same_row(got, want)
    ]


def _is_same_row(listed: dict[str, Any], built: dict[str, Any]) -> bool:
    flags = {flag for flag in json.loads(listed["flags"]) if flag != ADDED_BY_FOLD}
    wanted = {"lang": "", **built, "flags": flags}
    return set(built["flags"]) == flags and {**listed, "flags": flags} == wanted


def _check_books(out: str, manifest: Manifest, records: Sequence[BundleRecord]) -> list[str]:
    try:
        rejects = load_rejects(out)
        totals = close_books(records, [row for row in rejects if not row.get("bundle")])
    except MALFORMED as error:
        return [f"the books of {out} must close: {_said(error)}"]
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


def _check_keys(manifest: Manifest) -> list[str]:
    keys = manifest.samples["key"]
    num_keys = pc.count_distinct(keys).as_py()
    if num_keys == len(keys):
        return []
    counts = manifest.samples.group_by("key").aggregate([("key", "count")])
    repeated = counts.filter(pc.field("key_count") > 1)["key"].slice(0, NUM_NAMED).to_pylist()
    return [f"keys must be unique, got {len(keys) - num_keys} repeated ones: {', '.join(repeated)}"]
