"""What a plan finds in an output folder: what is to be built, and what has to go."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pipeline.tasks.tasklist import TaskList
from shards import storage
from shards.commit import DONE, committed_bundles, read_record, rows_path
from shards.fold import rejects_digest
from shards.state import MANIFEST, is_complete

THREADS = 16
"""Records that are read at a time: an object store takes tens of milliseconds for each."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to do.

    Attributes:
        to_build: Bundles that are not committed as planned, the largest first.
        to_retire: Bundles that are committed, but not as planned.
        is_current: Whether nothing is to be done, and the manifest says all of it already.
    """

    to_build: TaskList
    to_retire: list[str]
    is_current: bool


@dataclass(frozen=True, slots=True)
class _Commit:
    """What a committed bundle says: `num_lost` sources were rejected as a whole."""

    fingerprint: str
    parts: list[tuple[str, int]]
    num_lost: int


def survey(
    out: str, tasks: TaskList, plan_rejects: Iterable[dict[str, Any]], *, retry_rejects: bool
) -> Survey:
    """Compare a plan with what is committed; touches nothing.

    A complete folder is judged by its manifest and by the names and sizes of its files: no record
    is read. Otherwise each record is.

    Args:
        out: Output folder.
        tasks: All bundles of the plan.
        plan_rejects: Rejects of what is in no bundle.
        retry_rejects: Whether bundles in which a source was rejected are built again.
    """
    manifest = storage.read_json(storage.join(out, MANIFEST)) if is_complete(out) else None
    commits = _from_manifest(out, manifest) if manifest else _from_records(out)
    sizes = storage.list_sizes(out, ".tar") if commits else {}
    to_build = [
        index
        for index, (bundle, fingerprint) in enumerate(
            zip(tasks.bundles, tasks.fingerprints, strict=True)
        )
        if not _stands(commits.get(bundle), fingerprint, sizes, retry_rejects)
    ]
    keep = set(tasks.bundles) - {tasks.bundles[index] for index in to_build}
    to_retire = sorted(set(commits) - keep)
    named = {name for commit in commits.values() for name, _ in commit.parts}
    is_current = (
        manifest is not None
        and not to_build
        and not to_retire
        and set(sizes) == named
        and manifest["plan_rejects"] == rejects_digest(plan_rejects)
    )
    return Survey(tasks.take(to_build).largest_first(), to_retire, is_current)


def committed_fingerprints(out: str) -> dict[str, str]:
    """Return the fingerprint of each committed bundle; reads every record."""
    return {bundle: commit.fingerprint for bundle, commit in _from_records(out).items()}


def _stands(
    commit: _Commit | None, fingerprint: str, sizes: Mapping[str, int], retry_rejects: bool
) -> bool:
    if commit is None or commit.fingerprint != fingerprint:
        return False
    if retry_rejects and commit.num_lost:
        return False
    return all(sizes.get(name) == size for name, size in commit.parts)


def _from_manifest(out: str, manifest: dict[str, Any]) -> dict[str, _Commit]:
    done = storage.join(out, DONE)
    with_rows = {name.partition(".")[0] for name in storage.list_names(done, ".parquet")}
    standing = with_rows.intersection(committed_bundles(out))
    parts: dict[str, list[tuple[str, int]]] = {}
    for shard in manifest["shards"]:
        parts.setdefault(shard["bundle"], []).append((shard["name"], shard["bytes"]))
    return {
        row["bundle"]: _Commit(
            row["fingerprint"] if row["bundle"] in standing else "",
            parts.get(row["bundle"], []),
            row["num_lost"],
        )
        for row in manifest["bundles"]
    }


def _from_records(out: str) -> dict[str, _Commit]:
    bundles = committed_bundles(out)
    with ThreadPoolExecutor(THREADS) as pool:
        commits = pool.map(lambda bundle: _from_record(out, bundle), bundles)
        return {bundle: commit for bundle, commit in zip(bundles, commits, strict=True) if commit}


def _from_record(out: str, bundle: str) -> _Commit | None:
    record = read_record(out, bundle, with_samples=False)
    if record is None:
        return None
    has_rows = storage.exists(rows_path(out, record))
    return _Commit(
        record.fingerprint if has_rows else "",
        [(part.name, part.bytes) for part in record.parts],
        sum(row.get("t0_s") is None for row in record.rejects),
    )
