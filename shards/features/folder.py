"""A folder of features of the clips of shards: planned, committed part by part, then sealed.

    plan.json            what is embedded by what; written first, never changed
    000000-00.parquet    a part: features of the clips of shard 000000-00.tar; or `.tar`
    000000-00.json       its record, created if absent: the part counts from here on
    embeddings.json      the manifest, last: plan, records and sums

Bytes are a function of the plan, so whoever goes on after a crash writes what would have been
written, and two that work at once write the same.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa

from shards import storage
from shards.features.parquet import read_parquet, write_parquet
from shards.features.table import feature_rows
from shards.features.tars import read_tar, write_tar
from shards.hashing import FinishedFile

SCHEMA = 1
PLAN, MANIFEST = "plan.json", "embeddings.json"

Format = Literal["parquet", "webdataset"]
RECORD = ".json"
READERS = 16
"""Records that are read at once: in a bucket each takes a while."""

EXTENSIONS: dict[Format, str] = {"parquet": ".parquet", "webdataset": ".tar"}


class OtherPlan(ValueError):  # noqa: N818  it is what the user is told
    """The folder was begun with another plan."""


def claim(out: str, plan: Mapping[str, Any]) -> None:
    """Begin a folder by its plan, or go on with one that has the same.

    Raises:
        OtherPlan: If the folder belongs to another plan; says what differs.
    """
    storage.make_folder(out)
    path = storage.join(out, PLAN)
    if storage.create_if_absent(path, _pretty(plan)):
        return
    before = storage.read_json(path)
    differing = [
        f"{key}: {before.get(key)!r} there, {plan.get(key)!r} now"
        for key in sorted({*before, *plan})
        if before.get(key) != plan.get(key)
    ]
    if differing:
        lines = "\n  ".join(differing)
        raise OtherPlan(
            f"{out} must hold features of the same plan, got others; --embedding.out OTHER keeps "
            f"both, or delete the folder\n  {lines}"
        )


def clear(out: str) -> None:
    """Delete an embedding: manifest first and plan last, so that what is left can be gone on with.

    Other files in the folder stay.
    """
    storage.delete(storage.join(out, MANIFEST))
    for name in sorted(committed(out)):
        storage.delete(_record_path(out, name))
        for extension in EXTENSIONS.values():
            storage.delete(storage.join(out, name + extension))
    storage.delete(storage.join(out, PLAN))


def write_part(
    out: str, name: str, plan: Mapping[str, Any], table: pa.Table, about: Mapping[str, Any]
) -> dict[str, Any]:
    """Write and commit a part; return its record.

    Args:
        out: The folder.
        name: Of the part, without an ending.
        plan: What the folder was begun with.
        table: Rows of `features_table`.
        about: What the record says beside name, size, hash and rows: where the part is from.
    """
    provenance = {**plan, **{key: value for key, value in about.items() if key != "lost"}}
    file = name + EXTENSIONS[plan["format"]]
    done = _write(plan["format"], out, file, table, provenance)
    record = {
        "part": name,
        "file": file,
        "sha256": done.sha256,
        "bytes": done.bytes,
        "rows": table.num_rows,
        "features": {
            field.name: field.type.list_size
            for field in table.schema
            if pa.types.is_fixed_size_list(field.type)
        },
        **about,
    }
    storage.publish(done.temporary, storage.join(out, file))
    storage.create_if_absent(_record_path(out, name), _pretty(record))
    return record


def committed(out: str) -> set[str]:
    """Return the names of the parts that have a record: one listing, however many there are."""
    names = {name.removesuffix(RECORD) for name in storage.list_names(out, RECORD)}
    return names - {PLAN.removesuffix(RECORD), MANIFEST.removesuffix(RECORD)}


@dataclass(frozen=True)
class Collection:
    """A folder of features as its manifest tells of it; columns are read when asked for."""

    out: str
    manifest: dict[str, Any]

    @classmethod
    def load(cls, out: str) -> Self:
        """Read the manifest, and no row yet.

        Raises:
            ValueError: If there is none, or of another schema.
        """
        path = storage.join(out, MANIFEST)
        if not storage.exists(path):
            begun = "it is not finished: the same `weakvid embed` goes on"
            why = begun if storage.exists(storage.join(out, PLAN)) else "`weakvid embed` makes one"
            raise ValueError(f"{out} must hold {MANIFEST}, got none; {why}")
        manifest = storage.read_json(path)
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise ValueError(f"{path} must say schema {SCHEMA}, got {str(manifest)[:80]}")
        return cls(out, manifest)

    @property
    def widths(self) -> dict[str, int]:
        """Width of each feature."""
        return self.manifest["features"]

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of all rows, in the order of the shards.

        Raises:
            ValueError: If a part is damaged, or there is no such column.
        """
        return pa.concat_tables([self._part(record, columns) for record in self.manifest["parts"]])

    def vectors(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a feature of all rows and where there is one, as `feature_rows` does.

        Raises:
            ValueError: As `table`.
        """
        return feature_rows(self.table([name]), name)

    def _part(self, record: Mapping[str, Any], columns: Sequence[str]) -> pa.Table:
        path = storage.join(self.out, record["file"])
        if self.manifest["format"] == "webdataset":
            return read_tar(path, columns, self.widths)
        return read_parquet(path, columns).replace_schema_metadata(None)


def seal(
    out: str,
    plan: Mapping[str, Any],
    names: Sequence[str],
    measure: Callable[[Collection], Mapping[str, Any]],
) -> Collection:
    """Write the manifest, once all parts are committed.

    Args:
        out: The folder.
        plan: What it was begun with.
        names: Of all parts, in order.
        measure: Returns what the manifest says of the whole beside plan, records and sums.

    Raises:
        ValueError: If a part is not committed.
    """
    there = committed(out)
    if lacking := [name for name in names if name not in there]:
        raise ValueError(f"{out} must hold all parts, got none of {', '.join(lacking)}")
    with ThreadPoolExecutor(READERS) as pool:
        records = list(pool.map(lambda name: storage.read_json(_record_path(out, name)), names))
    manifest = {
        **plan,
        "features": records[0]["features"] if records else {},
        "rows": sum(record["rows"] for record in records),
        "lost": sum(len(record["lost"]) for record in records),
        "parts": records,
    }
    manifest |= measure(Collection(out, manifest))
    storage.write_atomic(storage.join(out, MANIFEST), _pretty(manifest))
    return Collection(out, manifest)


def _write(
    kind: Format, out: str, file: str, table: pa.Table, provenance: Mapping[str, Any]
) -> FinishedFile:
    match kind:
        case "parquet":
            return write_parquet(out, file, table, provenance)
        case "webdataset":
            return write_tar(out, file, table, provenance)


def _record_path(out: str, name: str) -> str:
    return storage.join(out, name + RECORD)


def _pretty(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
