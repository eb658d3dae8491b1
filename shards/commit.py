"""The commit of a bundle: tars get their final names, and last of all a record says so.

Crash by crash:
    before a part is renamed   nothing of it is visible; `_tmp` is swept at the next start
    between two parts          the first has its final name but no record names it, so nobody
                               reads it; the next attempt puts the same bytes there again
    before the record          the same; the file of rows is named by its content
    after the record           the bundle is committed and is never built again
Only the record counts. It is created if absent, under a lock, so that of several attempts one
commits and the others see it. An object store has no lock and no rename: there a part is named by
its content, so that no attempt overwrites what another one may commit, and an attempt that comes
too late takes back what the record does not name.
"""

import dataclasses
import hashlib
import logging
from dataclasses import dataclass, field
from typing import Any, Self

import pyarrow as pa

from shards import storage
from shards.check import check_part
from shards.rows import rows_bytes, rows_table, with_rows
from shards.schema import SCHEMA_VERSION, canonical_json
from shards.write import MAX_PARTS, PartRecord, part_name

logger = logging.getLogger(__name__)

DONE = "done"


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """What became of one bundle: the content of `done/BUNDLE.json`.

    Attributes:
        bundle: Six digits.
        fingerprint: Hash of sources, settings and code version that decide the bytes.
        planned: Clips planned for each video of the bundle before any was decoded.
        parts: The tars. Their rows lie in a file beside the record.
        rejects: Rows of `rejects.jsonl`.
        videos: One row a source, see `shards.columns.VIDEO_COLUMNS`; `flags` is a list.
        rows_sha256: Hash of the file of rows, empty before the commit.
    """

    bundle: str
    fingerprint: str
    planned: dict[str, int]
    parts: list[PartRecord] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    videos: list[dict[str, Any]] = field(default_factory=list)
    rows_sha256: str = ""

    @property
    def num_samples(self) -> int:
        """Samples in all parts."""
        return sum(part.num_samples for part in self.parts)

    def to_bytes(self) -> bytes:
        """Return the record as JSON, without the rows of its samples."""
        value = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        parts = [
            {"name": part.name, "sha256": part.sha256, "bytes": part.bytes}
            | {"num_samples": part.num_samples}
            for part in self.parts
        ]
        return canonical_json({**value, "parts": parts, "schema": SCHEMA_VERSION})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the record in a JSON object.

        Raises:
            ValueError: If it is of another schema.
        """
        if not isinstance(value, dict) or value.get("schema") != SCHEMA_VERSION:
            raise ValueError(f"a record must say schema {SCHEMA_VERSION}, got {str(value)[:80]}")
        fields = {name: value[name] for name in value if name != "schema"}
        fields["parts"] = [PartRecord(**part) for part in value["parts"]]
        return cls(**fields)


def record_path(out: str, bundle: str) -> str:
    """Return the path of a bundle's record."""
    return storage.join(out, DONE, f"{bundle}.json")


def rows_path(out: str, record: BundleRecord) -> str:
    """Return the path of the rows of a record's samples."""
    return storage.join(out, DONE, f"{record.bundle}.{record.rows_sha256[:16]}.parquet")


def committed_bundles(out: str) -> list[str]:
    """Return the sorted names of the bundles that are committed."""
    names = storage.list_names(storage.join(out, DONE), ".json")
    return [name.removesuffix(".json") for name in names]


def read_record(out: str, bundle: str, *, with_samples: bool = True) -> BundleRecord | None:
    """Return the record of a bundle, None where it is not committed.

    Args:
        out: Output folder.
        bundle: Six digits.
        with_samples: Whether its parts get their rows; else those are empty.

    Raises:
        ValueError: If the record or its rows are damaged.
    """
    path = record_path(out, bundle)
    if not storage.exists(path):
        return None
    try:
        record = BundleRecord.from_json(storage.read_json(path))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} must be a bundle's record, got: {error}") from error
    if not with_samples:
        return record
    return dataclasses.replace(record, parts=with_rows(record.parts, read_rows(out, record)))


def read_rows(out: str, record: BundleRecord) -> pa.Table:
    """Return the rows of a committed bundle's samples, by part and offset.

    Raises:
        ValueError: If they are damaged or missing.
    """
    path = rows_path(out, record)
    try:
        return rows_table(storage.read_bytes(path), record.rows_sha256, record.parts)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{path} must hold the rows of its record, got: {error}") from error


def commit_bundle(out: str, record: BundleRecord, *, num_decoded: int = 1) -> bool:
    """Publish the tars of a bundle, then its record.

    Args:
        out: Output folder.
        record: What was built; its parts lie in OUT/_tmp.
        num_decoded: Samples of each part that are decoded before it is published.

    Returns:
        Whether this attempt committed. False: an earlier one had, and it stands.

    Raises:
        RuntimeError: If a part is damaged, or a commit of other content stands.
    """
    _check_parts(record, num_decoded)
    storage.make_folder(storage.join(out, DONE))
    with storage.locked(storage.join(out, DONE, ".lock")):
        standing = read_record(out, record.bundle, with_samples=False)
        if standing is None:
            record = publish_parts(out, record)
            if storage.create_if_absent(record_path(out, record.bundle), record.to_bytes()):
                return True
            standing = read_record(out, record.bundle, with_samples=False)
        if standing is None:
            raise RuntimeError(f"bundle {record.bundle} was retired while it was committed")
        _withdraw(out, record, standing)
        _compare(standing, record)
        for part in record.parts:
            storage.delete(part.temporary)
        return False


def retire_bundle(out: str, bundle: str) -> None:
    """Take back the commit of a bundle whose sources or settings changed.

    The set is no longer complete, so `_SUCCESS` goes first. The tars stay until the bundle is
    committed again or `sweep_uncommitted` is called.
    """
    storage.delete(storage.join(out, "_SUCCESS"))
    storage.make_folder(storage.join(out, DONE))
    with storage.locked(storage.join(out, DONE, ".lock")):
        storage.delete(record_path(out, bundle))
        storage.sync_folder(storage.join(out, DONE))


def sweep_uncommitted(out: str) -> list[str]:
    """Delete tars, rows and notes that no record names; return their names.

    Call it only while nothing builds into OUT.
    """
    done = storage.join(out, DONE)
    named: set[str] = set()
    for bundle in committed_bundles(out):
        if record := read_record(out, bundle, with_samples=False):
            named |= {part.name for part in record.parts}
            named.add(rows_path(out, record).rpartition("/")[2])
    orphans = [(out, name) for name in storage.list_names(out, ".tar") if name not in named]
    orphans += [(done, name) for name in storage.list_names(done, ".parquet") if name not in named]
    orphans += [(done, name) for name in storage.list_names(done, ".rewrite")]
    for folder, name in orphans:
        storage.delete(storage.join(folder, name))
    return [name for _, name in orphans]


def _check_parts(record: BundleRecord, num_decoded: int) -> None:
    for part in record.parts:
        if problems := check_part(part.temporary, part, num_decoded=num_decoded):
            raise RuntimeError(f"a part must be whole before it is published: {problems[0]}")


def publish_parts(out: str, record: BundleRecord) -> BundleRecord:
    """Give parts and rows their names; return the record that names them."""
    is_remote = storage.is_remote(out)
    parts = [_named_by_content(part) if is_remote else part for part in record.parts]
    for part in parts:
        storage.publish(part.temporary, storage.join(out, part.name))
    if not is_remote:  # where another attempt may be about to name them
        _delete_later_parts(out, record.bundle, len(parts))
    rows = rows_bytes(parts)
    rows_sha256 = hashlib.sha256(rows).hexdigest()
    record = dataclasses.replace(record, parts=parts, rows_sha256=rows_sha256)
    storage.write_atomic(rows_path(out, record), rows)
    return record


def _named_by_content(part: PartRecord) -> PartRecord:
    name = f"{part.name.removesuffix('.tar')}.{part.sha256[:16]}.tar"
    rows = [row | {"shard": name} for row in part.rows]
    return dataclasses.replace(part, name=name, rows=rows)


def _withdraw(out: str, late: BundleRecord, standing: BundleRecord) -> None:
    """Delete what a late attempt published, except for what the standing record names."""
    if not late.rows_sha256:  # it was seen to be late before it published anything
        return
    named = {part.name for part in standing.parts}
    for name in (part.name for part in late.parts if part.name not in named):
        storage.delete(storage.join(out, name))
    if late.rows_sha256 != standing.rows_sha256:
        storage.delete(rows_path(out, late))


def _delete_later_parts(out: str, bundle: str, num_parts: int) -> None:
    """Delete parts of an older build that had more. By name: a folder may hold 75,000 tars."""
    for number in range(num_parts, MAX_PARTS):
        path = storage.join(out, part_name(bundle, number))
        if not storage.exists(path):
            return
        storage.delete(path)


def _compare(standing: BundleRecord, late: BundleRecord) -> None:
    if standing.fingerprint != late.fingerprint:
        raise RuntimeError(
            f"bundle {late.bundle} is committed for other sources or settings (fingerprint "
            f"{standing.fingerprint}, got {late.fingerprint}); it must be retired first"
        )
    # A verdict can depend on load (a time-out). Then the bytes differ rightly, and the first
    # commit stands.
    if _verdicts(standing) == _verdicts(late) and _hashes(standing) != _hashes(late):
        raise RuntimeError(
            f"bundle {late.bundle} must give the same bytes each time, got {_hashes(late)} "
            f"where {_hashes(standing)} is committed"
        )
    logger.info("bundle %s was committed by an earlier attempt", late.bundle)


def _verdicts(record: BundleRecord) -> list[tuple[str, ...]]:
    return sorted(
        (str(row.get("video_id")), str(row.get("code")), str(row.get("t0_s")))
        for row in record.rejects
    )


def _hashes(record: BundleRecord) -> list[str]:
    return [part.sha256 for part in record.parts]
