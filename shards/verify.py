"""Proof that an output folder is whole: tars, records, manifest, tables and their counts.

One pass over the bundles: a record is read, held against the manifest, and its tars are read
through. Nothing is mended here; `weakvid shards` on the same folder builds what is damaged again.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from shards import storage
from shards.agreement import Agreement
from shards.check import check_part
from shards.commit import committed_bundles, record_path
from shards.manifest import MANIFEST, REJECTS, SAMPLES, VIDEOS, Manifest
from shards.schema import canonical_json
from shards.state import SUCCESS, is_complete
from shards.write import PartRecord

NUM_DECODED = 3
"""Samples of each shard whose clip and audio are decoded."""

MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a field of damaged JSON can raise."""

HASHED = {SAMPLES: "samples_sha256", VIDEOS: "videos_sha256", REJECTS: "rejects_sha256"}
"""Files beside the shards, and where manifest.json says their hash."""


def verify(
    out: str,
    *,
    num_decoded: int | None = NUM_DECODED,
    quick: bool = False,
    on_bytes: Callable[[int, int], None] | None = None,
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
        facts = storage.read_json(storage.join(out, MANIFEST))
        num_bytes = sum(shard["bytes"] for shard in manifest.shards)
        problems = _check_marker(out) + _check_leftovers(out, manifest)
        problems += _check_hashes(out, facts)
        agreement = Agreement(manifest, facts["plan_rejects"])
    except MALFORMED as error:
        return [_placed(storage.join(out, MANIFEST), _said(error))]
    if any(SAMPLES in problem or REJECTS in problem for problem in problems):
        return [*problems, "the shards were not read: what they are held against is damaged"]
    done, num_unread = 0, 0
    for row in manifest.bundles:
        try:
            record, found = agreement.check(row)
        except MALFORMED as error:
            problems.append(_placed(_where(out, row), _said(error)))
            num_unread += 1
            continue
        problems += found
        for part in record.parts:
            problems += _check_tar(out, part, num_decoded, quick)
            done += part.bytes
            if on_bytes is not None:
                on_bytes(done, num_bytes)
    if num_unread:
        return problems  # the books cannot close without them
    try:
        return problems + agreement.close()
    except MALFORMED as error:
        return [*problems, _placed(storage.join(out, MANIFEST), _said(error))]


def _said(error: Exception) -> str:
    """Return a message that names the exception where its text alone says little."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _placed(path: str, said: str) -> str:
    return said if path in said else f"{path}: {said}"


def _where(out: str, row: object) -> str:
    bundle = row.get("bundle") if isinstance(row, dict) else None
    return record_path(out, str(bundle)) if bundle else storage.join(out, MANIFEST)


def _check_tar(out: str, part: PartRecord, num_decoded: int | None, quick: bool) -> list[str]:
    path = storage.join(out, part.name)
    if not quick:
        count = part.num_samples if num_decoded is None else num_decoded
        return check_part(path, part, num_decoded=count)
    if not storage.exists(path):
        return [f"{path} is missing"]
    size = storage.size_of(path)
    return [] if size == part.bytes else [f"{path} must have {part.bytes} bytes, got {size}"]


def _check_marker(out: str) -> list[str]:
    path = storage.join(out, SUCCESS)
    if not storage.exists(path):
        return [f"{path} is missing: the build did not end"]
    if not is_complete(out):
        return [f"{path} must hold the SHA-256 of {MANIFEST}; it does not: one of them is damaged"]
    return []


def _check_hashes(out: str, facts: dict[str, Any]) -> list[str]:
    problems = []
    for name, field in HASHED.items():
        path = storage.join(out, name)
        if not storage.exists(path):
            problems.append(f"{path} is missing")
        elif (sha256 := storage.sha256_of(path)) != facts[field]:
            problems.append(f"{path} must have SHA-256 {facts[field]}, got {sha256}")
    identity = canonical_json({"samples": facts["samples_sha256"], "shards": facts["shards"]})
    if hashlib.sha256(identity).hexdigest() != facts["sha256"]:
        problems.append(f"{storage.join(out, MANIFEST)} must say the identity of its samples")
    return problems


def _check_leftovers(out: str, manifest: Manifest) -> list[str]:
    listed = {shard["name"] for shard in manifest.shards}
    bundles = {row["bundle"] for row in manifest.bundles}
    tars = [name for name in storage.list_names(out, ".tar") if name not in listed]
    done = [name for name in committed_bundles(out) if name not in bundles]
    return [f"{storage.join(out, name)} is in no manifest" for name in tars] + [
        f"{record_path(out, name)} is in no manifest" for name in done
    ]
