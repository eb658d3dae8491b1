"""The commit of a bundle: tars get their final names, and last of all a record says so.

Crash by crash:
    before a part is renamed   nothing of it is visible; `_tmp` is swept at the next start
    between two parts          the first has its final name but no record names it, so nobody
                               reads it; the next attempt puts the same bytes there again
    before the record          the same
    after the record           the bundle is committed and is never built again
Only the record counts. It is created if absent, under a lock, so that of several attempts one
commits and the others see it.
"""

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from shards import storage
from shards.check import check_part
from shards.schema import SCHEMA_VERSION, canonical_json
from shards.write import PartRecord

logger = logging.getLogger(__name__)

DONE = "done"


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """What became of one bundle: the content of `done/BUNDLE.json`.

    Attributes:
        bundle: Six digits.
        fingerprint: Hash of sources, settings and code version that decide the bytes.
        planned: Clips planned for each video of the bundle before any was decoded.
        parts: The tars.
        rejects: Rows of `rejects.jsonl`.
        videos: One row a source, see `shards.columns.VIDEO_COLUMNS`; `flags` is a list.
        attempt: Which attempt built it; not part of what is compared.
    """

    bundle: str
    fingerprint: str
    planned: dict[str, int]
    parts: list[PartRecord] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    videos: list[dict[str, Any]] = field(default_factory=list)
    attempt: int = 0

    @property
    def num_samples(self) -> int:
        """Samples in all parts."""
        return sum(part.num_samples for part in self.parts)

    def to_bytes(self) -> bytes:
        """Return the record as JSON."""
        value = dataclasses.asdict(self)
        for part in value["parts"]:
            del part["temporary"]
        return canonical_json({"schema": SCHEMA_VERSION, **value})

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


def committed_bundles(out: str) -> list[str]:
    """Return the sorted names of the bundles that are committed."""
    names = storage.list_names(storage.join(out, DONE), ".json")
    return [name.removesuffix(".json") for name in names]


def read_record(out: str, bundle: str) -> BundleRecord | None:
    """Return the record of a bundle, None where it is not committed."""
    path = record_path(out, bundle)
    if not storage.exists(path):
        return None
    try:
        return BundleRecord.from_json(storage.read_json(path))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} must be a bundle's record, got: {error}") from error


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
        standing = read_record(out, record.bundle)
        if standing is not None:
            _compare(standing, record)
            for part in record.parts:
                storage.delete(part.temporary)
            return False
        for part in record.parts:
            storage.publish(part.temporary, storage.join(out, part.name))
        _delete_tars(out, record.bundle, keep=[part.name for part in record.parts])
        return storage.create_if_absent(record_path(out, record.bundle), record.to_bytes())


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
    """Delete tars that no record names; return their names.

    Call it only while nothing builds into OUT.
    """
    records = [read_record(out, bundle) for bundle in committed_bundles(out)]
    named = {part.name for record in records if record for part in record.parts}
    orphans = [name for name in storage.list_names(out, ".tar") if name not in named]
    for name in orphans:
        storage.delete(storage.join(out, name))
    return orphans


def _check_parts(record: BundleRecord, num_decoded: int) -> None:
    for part in record.parts:
        if problems := check_part(part.temporary, part, num_decoded=num_decoded):
            raise RuntimeError(f"a part must be whole before it is published: {problems[0]}")


def _delete_tars(out: str, bundle: str, keep: Sequence[str]) -> None:
    for name in storage.list_names(out, ".tar"):
        if name.startswith(f"{bundle}-") and name not in keep:
            storage.delete(storage.join(out, name))


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
