"""Committed bundles -> the manifest: two passes, and memory that bundles do not add to.

The first pass reads the records for what only the whole set can tell: whether a video stands in
two bundles, and which sources have equal bytes. It keeps 16 bytes a video. The second one reads
record and rows of each bundle and writes them on, a row group at a time.
"""

import hashlib
import json
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shards import storage
from shards.accounting import Books
from shards.columns import COLUMNS, VIDEO_COLUMNS, flags_text, video_table
from shards.commit import BundleRecord, committed_bundles, read_record, read_rows
from shards.hashing import FinishedFile, HashingFile
from shards.manifest import MANIFEST, REJECTS, SAMPLES, VIDEOS, Manifest, footer_sha256
from shards.schema import CODE_VERSION, SCHEMA_VERSION, canonical_json, sample_key
from shards.state import SUCCESS, is_complete, mark_complete
from shards.tables import TableWriter

READ_AHEAD = 16
"""Bundles that are read at a time: an object store takes tens of milliseconds for each."""

T = TypeVar("T")


def fold(out: str, bundles: Sequence[str], plan_rejects: Sequence[dict[str, Any]] = ()) -> Manifest:
    """Fold the records of all bundles into the manifest, and mark the set as complete.

    Args:
        out: Output folder.
        bundles: Bundles of the plan, all of them committed.
        plan_rejects: Rejects of sources that are in no bundle; their `bundle` is "".

    Raises:
        ValueError: If a bundle is not committed, or planned != written + rejected.
    """
    bundles = sorted(bundles)
    _refuse_missing(out, bundles)
    twins = _twins(out, bundles)
    with ExitStack() as stack:
        samples = stack.enter_context(TableWriter(out, SAMPLES, COLUMNS))
        videos = stack.enter_context(TableWriter(out, VIDEOS, VIDEO_COLUMNS))
        rejects = stack.enter_context(HashingFile(storage.temporary_path(out, REJECTS)))
        entries = _Entries(twins, samples, videos, rejects)
        for record, rows in _read_ahead(out, bundles, _with_rows):
            entries.add(record, rows)
        entries.add_plan_rejects(plan_rejects)
        files = {
            SAMPLES: samples.finish(),
            VIDEOS: videos.finish(),
            REJECTS: rejects.finish(),
        }
        _publish(out, files, entries.manifest(files, plan_rejects))
    return Manifest.load(out)


def rejects_digest(plan_rejects: Iterable[dict[str, Any]]) -> str:
    """Return the hash of the rejects of what is in no bundle, in any order."""
    lines = sorted(canonical_json(row) for row in plan_rejects)
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


class _Entries:
    """What the second pass writes and counts."""

    def __init__(
        self,
        twins: frozenset[int],
        samples: TableWriter,
        videos: TableWriter,
        rejects: HashingFile,
    ) -> None:
        self._twins = twins
        self._samples, self._videos, self._rejects = samples, videos, rejects
        self._books = Books()
        self._shards: list[dict[str, Any]] = []
        self._bundles: list[dict[str, Any]] = []

    def add(self, record: BundleRecord, rows: pa.Table) -> None:
        """Enter a bundle, the next one by name."""
        num_keys = pc.count_distinct(rows["key"]).as_py()
        if num_keys != rows.num_rows:
            raise ValueError(
                f"keys must be unique in a dataset, got {rows.num_rows - num_keys} repeated ones "
                f"in bundle {record.bundle}"
            )
        self._books.enter(record, _counts(rows["video_id"]), _counts(rows["split"]))
        self._samples.add(self._flagged(rows))
        self._videos.add(self._video_rows(record))
        self._write_rejects(record.rejects)
        self._bundles.append(bundle_row(record))
        self._shards += [
            {
                "name": part.name,
                "bundle": record.bundle,
                "sha256": part.sha256,
                "bytes": part.bytes,
                "num_samples": part.num_samples,
            }
            for part in record.parts
        ]

    def add_plan_rejects(self, plan_rejects: Sequence[dict[str, Any]]) -> None:
        """Enter what is in no bundle, after all that are."""
        self._books.enter_plan_rejects(plan_rejects)
        self._write_rejects(plan_rejects)

    def manifest(
        self, files: dict[str, FinishedFile], plan_rejects: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return what manifest.json says, but for its version."""
        totals = self._books.close()
        identity = canonical_json({"samples": files[SAMPLES].sha256, "shards": self._shards})
        return {
            "schema": SCHEMA_VERSION,
            "code": CODE_VERSION,
            "sha256": hashlib.sha256(identity).hexdigest(),
            "samples_sha256": files[SAMPLES].sha256,
            "videos_sha256": files[VIDEOS].sha256,
            "rejects_sha256": files[REJECTS].sha256,
            "footers": {name: footer_sha256(files[name].temporary) for name in (SAMPLES, VIDEOS)},
            "plan_rejects": rejects_digest(plan_rejects),
            "totals": totals,
            "bundles": self._bundles,
            "shards": self._shards,
        }

    def _flagged(self, rows: pa.Table) -> pa.Table:
        """Return rows with `W_DUPBYTES` where other sources have the same bytes.

        Such sources are kept: dropping one would depend on what else is listed.
        """
        if not self._twins:
            return rows
        hashes, flags = rows["source_sha256"].to_pylist(), rows["flags"].to_pylist()
        is_twin = {text: _hash64(text) in self._twins for text in set(hashes)}
        told = [
            flags_text([*json.loads(text), "W_DUPBYTES"]) if is_twin[sha256] else text
            for sha256, text in zip(hashes, flags, strict=True)
        ]
        place = rows.schema.get_field_index("flags")
        return rows.set_column(place, "flags", pa.array(told, pa.string()))

    def _video_rows(self, record: BundleRecord) -> pa.Table:
        return video_table(
            row
            | {"bundle": record.bundle}
            | {"flags": [*row.get("flags", []), *self._twin_flag(row.get("sha256", ""))]}
            for row in sorted(record.videos, key=lambda row: row["video_id"])
        )

    def _twin_flag(self, sha256: str) -> list[str]:
        return ["W_DUPBYTES"] if sha256 and _hash64(sha256) in self._twins else []

    def _write_rejects(self, rejects: Iterable[dict[str, Any]]) -> None:
        in_order = sorted(
            rejects, key=lambda row: (row["video_id"], row.get("t0_s") or 0.0, canonical_json(row))
        )
        for row in in_order:
            self._rejects.write(canonical_json(row) + b"\n")


def _refuse_missing(out: str, bundles: Sequence[str]) -> None:
    committed = set(committed_bundles(out))
    if missing := [bundle for bundle in bundles if bundle not in committed]:
        raise ValueError(
            f"all bundles must be committed, got {len(missing)} of {len(bundles)} in {out} that "
            f"are not ({', '.join(missing[:5])}); the same `weakvid shards` command goes on"
        )


def _twins(out: str, bundles: Sequence[str]) -> frozenset[int]:
    """Return the hashes of contents that several sources have.

    Raises:
        ValueError: If a video stands in two bundles.
    """
    videos, contents = array("Q"), array("Q")
    for record in _read_ahead(out, bundles, _alone):
        videos.extend(map(_video_number, record.planned))
        contents.extend(_hash64(row["sha256"]) for row in record.videos if row.get("sha256"))
    if twice := _repeated(videos):
        names = [
            f"{video_id!r} in bundle {record.bundle}"
            for record in _read_ahead(out, bundles, _alone)
            for video_id in record.planned
            if _video_number(video_id) in twice
        ]
        raise ValueError(f"a video must stand in one bundle, got {', '.join(names[:6])}")
    return frozenset(_repeated(contents))


def _repeated(numbers: array) -> set[int]:
    values, counts = np.unique(np.asarray(numbers), return_counts=True)
    return set(values[counts > 1].tolist())


def _video_number(video_id: str) -> int:
    """Return the part of its samples' keys that stands for the video."""
    return int(sample_key(video_id, 0).partition("_")[0], 16)


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    counts = pc.value_counts(column)
    return dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True))


def bundle_row(record: BundleRecord) -> dict[str, Any]:
    """Return the row of a bundle in manifest.json."""
    return {
        "bundle": record.bundle,
        "fingerprint": record.fingerprint,
        "num_samples": record.num_samples,
        "num_rejects": len(record.rejects),
        "num_lost": sum(row.get("t0_s") is None for row in record.rejects),
        "planned": sum(record.planned.values()),
    }


def _alone(out: str, bundle: str) -> BundleRecord:
    record = read_record(out, bundle, with_samples=False)
    if record is None:
        raise ValueError(f"bundle {bundle} of {out} must stay committed while it is folded")
    return record


def _with_rows(out: str, bundle: str) -> tuple[BundleRecord, pa.Table]:
    record = _alone(out, bundle)
    return record, read_rows(out, record)


def _read_ahead(out: str, bundles: Sequence[str], read: Callable[[str, str], T]) -> Iterator[T]:
    """Yield what `read` gives for each bundle, in order; a few are read ahead."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        for bundle in bundles:
            waiting.append(pool.submit(read, out, bundle))
            if len(waiting) == READ_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _publish(out: str, files: dict[str, FinishedFile], manifest: dict[str, Any]) -> None:
    data = canonical_json({**manifest, "version": _version(out, manifest)}) + b"\n"
    path = storage.join(out, MANIFEST)
    stale = {name: file for name, file in files.items() if not _holds(out, name, file.sha256)}
    is_new = not storage.exists(path) or storage.read_bytes(path) != data
    if not stale and not is_new and is_complete(out):
        return
    storage.delete(storage.join(out, SUCCESS))
    for name, file in stale.items():
        storage.publish(file.temporary, storage.join(out, name))
    if is_new:
        storage.write_atomic(path, data)
    mark_complete(out, data)


def _version(out: str, manifest: dict[str, Any]) -> int:
    """Return the version of the folder: one more than it had, if anything differs."""
    path = storage.join(out, MANIFEST)
    if not storage.exists(path):
        return 1
    try:
        older = storage.read_json(path)
        version = int(older.pop("version"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 1
    return version if older == json.loads(canonical_json(manifest)) else version + 1


def _holds(out: str, name: str, sha256: str) -> bool:
    path = storage.join(out, name)
    return storage.exists(path) and storage.sha256_of(path) == sha256
