"""One bundle after the other: what its record says against what the manifest and tables say.

The tables and rejects.jsonl hold the bundles in order, so they are read along with them, and
memory does not grow with their number.
"""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shards import storage
from shards.accounting import Books
from shards.columns import COLUMNS
from shards.commit import BundleRecord, read_record, read_rows, record_path
from shards.fold import bundle_row, rejects_digest
from shards.manifest import MANIFEST, REJECTS, Manifest, iter_rejects
from shards.rows import with_rows
from shards.schema import canonical_json
from shards.write import PartRecord

ADDED_BY_FOLD = "W_DUPBYTES"
"""The one flag that only the whole set can tell: a bundle's rows do not have it."""

NUM_NAMED = 5
NOT_FLAGS = [name for name in COLUMNS.names if name != "flags"]


class Agreement:
    """Follows the manifest bundle by bundle.

    Args:
        manifest: The manifest that all is held against.
        plan_rejects: Its hash of the rejects of what is in no bundle.
    """

    def __init__(self, manifest: Manifest, plan_rejects: str) -> None:
        self._plan_rejects = plan_rejects
        self._out = manifest.out
        self._manifest = manifest
        self._shards_of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for shard in manifest.shards:
            self._shards_of[shard["bundle"]].append(shard)
        self._rows = _RowsInOrder(manifest.batches(COLUMNS.names))
        self._rejects = iter_rejects(manifest.out)
        self._books = Books()
        self._videos: list[np.ndarray] = []

    def check(self, row: Mapping[str, Any]) -> tuple[BundleRecord, list[str]]:
        """Hold the next bundle's record against its row of the manifest.

        Args:
            row: The bundle's row of manifest.json.

        Returns:
            The record with the rows of its samples, and what does not agree.

        Raises:
            ValueError: If the record or its rows are missing or damaged.
        """
        path = record_path(self._out, row["bundle"])
        shards = self._shards_of[row["bundle"]]
        # Whatever the record turns out to be, the tables go on to the next bundle.
        listed = self._rows.take(sum(shard["num_samples"] for shard in shards))
        told = list(itertools.islice(self._rejects, row["num_rejects"]))
        record = read_record(self._out, row["bundle"], with_samples=False)
        if record is None:
            raise ValueError(f"must be there, since {MANIFEST} names it; it is not")
        built = read_rows(self._out, record)
        problems = _check_bytes(path, record) + _check_counts(path, record, row)
        if [_facts(part, record.bundle) for part in record.parts] != shards:
            problems.append(f"{path} must name the shards that {MANIFEST} names for it")
        problems += _check_rows(path, listed, built)
        if sorted(map(canonical_json, told)) != sorted(map(canonical_json, record.rejects)):
            problems.append(f"{REJECTS} must hold the rejects of {path} as that says them")
        self._enter(record, built)
        return replace(record, parts=with_rows(record.parts, built)), problems

    def close(self) -> list[str]:
        """Return what does not agree over all bundles. Call it after the last one."""
        others = list(self._rejects)
        problems = []
        if rejects_digest(others) != self._plan_rejects:
            problems.append(f"{MANIFEST} must say the hash of the rejects that are in no bundle")
        try:
            self._books.enter_plan_rejects(others)
            totals = self._books.close()
        except (KeyError, TypeError, ValueError) as error:
            return [*problems, f"the books of {self._out} must close: {error}"]
        problems += [
            f"{MANIFEST} must count {totals[name]!r} {name}, got {counted!r}"
            for name in totals
            if (counted := self._manifest.totals.get(name)) != totals[name]
        ]
        videos, times = np.unique(
            np.concatenate([np.zeros(0, "S16"), *self._videos]), return_counts=True
        )
        if len(repeated := videos[times > 1]):
            named = ", ".join(video.decode() for video in repeated[:NUM_NAMED])
            problems.append(
                f"keys must be unique: a video must stand in one bundle, got {len(repeated)} "
                f"that stand in several (keys {named}...)"
            )
        return problems

    def _enter(self, record: BundleRecord, rows: pa.Table) -> None:
        counts = [Counter(rows[name].to_pylist()) for name in ("video_id", "split")]
        self._books.enter(record, *counts)
        prefixes = {key[:16] for key in rows["key"].to_pylist()}
        self._videos.append(np.array(sorted(prefixes), "S16"))


class _RowsInOrder:
    """Hands out the rows of a table that comes in groups, some at a time."""

    def __init__(self, groups: Iterator[pa.Table]) -> None:
        self._groups = groups
        self._rest = COLUMNS.empty_table()

    def take(self, count: int) -> pa.Table:
        """Return the next `count` rows, fewer where there are no more."""
        pieces = [self._rest]
        while sum(piece.num_rows for piece in pieces) < count:
            group = next(self._groups, None)
            if group is None:
                break
            pieces.append(group)
        table = pa.concat_tables(pieces)
        self._rest = table.slice(count)
        return table.slice(0, count)


def _check_bytes(path: str, record: BundleRecord) -> list[str]:
    """A record that reads well but was written by another hand is damaged all the same."""
    if storage.read_bytes(path).rstrip() == record.to_bytes().rstrip():
        return []
    return [f"{path} must be written as `weakvid shards` writes it: it is damaged"]


def _check_counts(path: str, record: BundleRecord, row: Mapping[str, Any]) -> list[str]:
    return [
        f"{path} must agree with {MANIFEST} in {name}, got {value!r} and {row.get(name)!r}"
        for name, value in bundle_row(record).items()
        if row.get(name) != value
    ]


def _facts(part: PartRecord, bundle: str) -> dict[str, Any]:
    return {
        "name": part.name,
        "bundle": bundle,
        "sha256": part.sha256,
        "bytes": part.bytes,
        "num_samples": part.num_samples,
    }


def _check_rows(path: str, listed: pa.Table, built: pa.Table) -> list[str]:
    if listed.num_rows != built.num_rows:
        return [
            f"{path} must have the rows that the manifest has of it, got {built.num_rows} "
            f"and {listed.num_rows}"
        ]
    keys = built["key"]
    problems = []
    if (num_keys := pc.count_distinct(keys).as_py()) != built.num_rows:
        problems.append(f"keys must be unique, got {built.num_rows - num_keys} twice in {path}")
    if listed.equals(built):
        return problems
    return problems + [
        f"the manifest's row of {got['key']} must equal its bundle's record"
        for got, want in zip(listed.to_pylist(), built.to_pylist(), strict=True)
        if not _is_same(got, want)
    ]


def _is_same(listed: dict[str, Any], built: dict[str, Any]) -> bool:
    flags = [flag for flag in json.loads(listed["flags"]) if flag != ADDED_BY_FOLD]
    return flags == json.loads(built["flags"]) and all(
        listed[name] == built[name] for name in NOT_FLAGS
    )
