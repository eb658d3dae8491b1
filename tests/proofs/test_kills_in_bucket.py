"""Exactly once in a bucket: kills while sources and output lie in an S3 server on loopback."""

import hashlib
from pathlib import Path

import kills
import pytest
from builds import environment, finish, shards

from shards import storage

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(3600)]

QUOTA = {"worker": 16, "decoder": 16, "raylet": 14, "driver": 14}


def snapshot(out: str) -> dict[str, str]:
    """SHA-256 of every object below a folder; how long it took to make is no content."""
    names = sorted(path.removeprefix(f"{out}/") for path in storage.list_versions(out, deep=True))
    return {
        name: hashlib.sha256(storage.read_bytes(f"{out}/{name}")).hexdigest()
        for name in names
        if name != ".costs.jsonl"
    }


def clear(out: str) -> None:
    for path in storage.list_versions(out, deep=True):
        storage.delete(path)


def test_a_build_into_a_bucket_that_is_killed_at_random_writes_the_same_objects(
    corpus, bucket, tmp_path, root, figures
):
    source, log, scratch = f"{bucket}/videos", tmp_path / "log", tmp_path / "scratch"
    for path in sorted(corpus.rglob("*")):
        if path.is_file():
            name = path.relative_to(corpus).as_posix()
            storage.write_atomic(f"{source}/{name}", path.read_bytes())
    calm, out = f"{bucket}/calm", f"{bucket}/out"
    more = ("--shards.scratch", str(scratch))
    assert finish(shards(source, calm, *more), log, root) == 0, log.read_text()[-3000:]
    want = snapshot(calm)

    tally = kills.campaign(
        shards(source, out, *more),
        quota=QUOTA,
        clear=lambda: clear(out),
        check=lambda: _check(want, out, scratch),
        log=log,
        seed=5,
        environment=environment(root),
    )
    figures(videos=len(list(corpus.glob("*.mp4"))), objects=len(want), **tally.told())
    assert all(tally.kills[role] >= count for role, count in QUOTA.items())
    assert tally.kills.total() >= 60 and tally.orphans == []


def _check(want: dict[str, str], out: str, scratch: Path) -> None:
    assert kills.difference(want, snapshot(out)) == ""
    left = [path for path in scratch.rglob("*") if path.is_file() and path.name[0] != "."]
    assert left == [], "what killed processes left in scratch is gone after a build"
