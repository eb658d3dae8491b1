"""The manifest: what was committed. Readers follow it and never list the folder."""

import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shards import storage
from shards.accounting import close_books
from shards.columns import COLUMNS, VIDEO_COLUMNS, sample_table, video_table
from shards.commit import BundleRecord, read_record
from shards.schema import CODE_VERSION, SCHEMA_VERSION, Split, canonical_json

MANIFEST = "manifest.json"
SAMPLES = "manifest.parquet"
VIDEOS = "videos.parquet"
REJECTS = "rejects.jsonl"
SUCCESS = "_SUCCESS"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in an output folder.

    Attributes:
        out: The folder.
        samples: One row a sample with `COLUMNS`, by shard and offset.
        shards: Records of {name, bundle, sha256, bytes, num_samples}.
        bundles: Records of {bundle, fingerprint, num_samples, num_rejects, planned}.
        totals: See `shards.accounting.close_books`.
        sha256: Identity of the samples: equal if and only if rows and tars are equal.
    """

    out: str
    samples: pa.Table
    shards: list[dict[str, Any]]
    bundles: list[dict[str, Any]]
    totals: dict[str, Any]
    sha256: str

    @classmethod
    def load(cls, out: str) -> Self:
        """Read the manifest of an output folder.

        Raises:
            ValueError: If there is none, or it is damaged or of another schema.
        """
        path = storage.join(out, MANIFEST)
        if not storage.exists(path):
            raise ValueError(
                f"{out} must hold a {MANIFEST}, got none; "
                f"`weakvid shards --sources.path VIDEOS --shards.out {out}` makes one"
            )
        value = storage.read_json(path)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA_VERSION:
            raise ValueError(f"{path} must say schema {SCHEMA_VERSION}, got {str(value)[:80]}")
        table_path = storage.join(out, SAMPLES)
        data = storage.read_bytes(table_path) if storage.exists(table_path) else b""
        if hashlib.sha256(data).hexdigest() != value["samples_sha256"]:
            raise ValueError(
                f"{table_path} must be the file that {MANIFEST} names, got another one; "
                f"`weakvid shards` on {out} writes both again"
            )
        # `read_table` leaves a read-ahead thread that can outlive the interpreter and abort it.
        samples = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        if not samples.schema.equals(COLUMNS):
            raise ValueError(
                f"manifest.parquet in {out} must have the columns {', '.join(COLUMNS.names)}, "
                f"got {', '.join(samples.column_names)}"
            )
        return cls(
            out, samples, value["shards"], value["bundles"], value["totals"], value["sha256"]
        )

    def split(self, name: Split) -> pa.Table:
        """Return the rows of one split, by shard and offset."""
        return self.samples.filter(pc.field("split") == name)

    def videos(self) -> pa.Table:
        """Return one row a source of a bundle with `VIDEO_COLUMNS`, by bundle and id."""
        path = storage.join(self.out, VIDEOS)
        data = storage.read_bytes(path)
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        if not table.schema.equals(VIDEO_COLUMNS):
            raise ValueError(f"{path} must have the columns {', '.join(VIDEO_COLUMNS.names)}")
        return table


def fold(out: str, bundles: Sequence[str], plan_rejects: Sequence[dict[str, Any]] = ()) -> Manifest:
    """Fold the records of all bundles into the manifest, and mark the set as complete.

    Args:
        out: Output folder.
        bundles: Bundles of the plan, all of them committed.
        plan_rejects: Rejects of sources that are in no bundle; their `bundle` is "".

    Raises:
        ValueError: If a bundle is not committed, or planned != written + rejected.
    """
    records = _records(out, bundles)
    totals = close_books(records, plan_rejects)
    shards = [
        {
            "name": part.name,
            "bundle": record.bundle,
            "sha256": part.sha256,
            "bytes": part.bytes,
            "num_samples": part.num_samples,
        }
        for record in records
        for part in record.parts
    ]
    table_bytes = _table_bytes(records)
    table_sha256 = hashlib.sha256(table_bytes).hexdigest()
    identity = canonical_json({"samples": table_sha256, "shards": shards})
    rejects = sorted(
        [*plan_rejects, *(row for record in records for row in record.rejects)],
        key=lambda row: (row["video_id"], row.get("t0_s") or 0.0, canonical_json(row)),
    )
    tables = {SAMPLES: table_bytes, VIDEOS: _videos_bytes(records)}
    rejects_bytes = b"".join(canonical_json(row) + b"\n" for row in rejects)
    manifest = {
        "schema": SCHEMA_VERSION,
        "code": CODE_VERSION,
        "sha256": hashlib.sha256(identity).hexdigest(),
        "samples_sha256": table_sha256,
        "videos_sha256": hashlib.sha256(tables[VIDEOS]).hexdigest(),
        "rejects_sha256": hashlib.sha256(rejects_bytes).hexdigest(),
        "totals": totals,
        "bundles": [_bundle_row(record) for record in records],
        "shards": shards,
    }
    _write(out, manifest, tables | {REJECTS: rejects_bytes})
    return Manifest.load(out)


def load_rejects(out: str) -> list[dict[str, Any]]:
    """Return the rows of rejects.jsonl, none where there is no such file."""
    path = storage.join(out, REJECTS)
    if not storage.exists(path):
        return []
    return [json.loads(line) for line in storage.read_bytes(path).splitlines()]


def _records(out: str, bundles: Sequence[str]) -> list[BundleRecord]:
    records = {bundle: read_record(out, bundle) for bundle in sorted(bundles)}
    if missing := [bundle for bundle, record in records.items() if record is None]:
        raise ValueError(
            f"all bundles must be committed, got {len(missing)} of {len(bundles)} in {out} that "
            f"are not ({', '.join(missing[:5])}); the same `weakvid shards` command goes on"
        )
    return [record for record in records.values() if record is not None]


def _bundle_row(record: BundleRecord) -> dict[str, Any]:
    return {
        "bundle": record.bundle,
        "fingerprint": record.fingerprint,
        "num_samples": record.num_samples,
        "num_rejects": len(record.rejects),
        "planned": sum(record.planned.values()),
    }


def _table_bytes(records: Sequence[BundleRecord]) -> bytes:
    rows = [row for record in records for part in record.parts for row in part.rows]
    rows.sort(key=lambda row: (row["shard"], row["offset"]))
    keys = Counter(row["key"] for row in rows)
    if len(keys) != len(rows):
        key, count = keys.most_common(1)[0]
        raise ValueError(f"keys must be unique in a dataset, got {key} {count} times")
    flags = _flags(rows)
    return _parquet(
        sample_table([{**row, "flags": found} for row, found in zip(rows, flags, strict=True)])
    )


def _videos_bytes(records: Sequence[BundleRecord]) -> bytes:
    rows = [row | {"bundle": record.bundle} for record in records for row in record.videos]
    return _parquet(video_table(sorted(rows, key=lambda row: (row["bundle"], row["video_id"]))))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _flags(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    videos_of: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        videos_of[row["source_sha256"]].add(row["video_id"])
    twins = {sha256 for sha256, videos in videos_of.items() if sha256 and len(videos) > 1}
    # Equal bytes under two ids are kept: dropping one would depend on what else is listed.
    return [
        [*row["flags"], *(["W_DUPBYTES"] if row["source_sha256"] in twins else [])] for row in rows
    ]


def _write(out: str, manifest: dict[str, Any], tables: dict[str, bytes]) -> None:
    files = {
        **{storage.join(out, name): data for name, data in tables.items()},
        storage.join(out, MANIFEST): canonical_json(manifest) + b"\n",
    }
    success = storage.join(out, SUCCESS)
    wanted = hashlib.sha256(files[storage.join(out, MANIFEST)]).hexdigest().encode() + b"\n"
    stale = {path: data for path, data in files.items() if not _holds(path, data)}
    if not stale and _holds(success, wanted):
        return
    storage.delete(success)
    storage.write_all_atomic(stale)
    storage.write_atomic(success, wanted)


def _holds(path: str, data: bytes) -> bool:
    return storage.exists(path) and storage.read_bytes(path) == data
