"""Manifests that are whole by their hashes and still do not agree with what was built."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from shards.agreement import _RowsInOrder
from shards.columns import COLUMNS
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.state import mark_complete
from shards.verify import verify
from shards.write import ShardWriter


def forge(out: str, change) -> list[str]:
    """The problems of a folder whose manifest was changed and then signed as complete."""
    path = Path(out) / "manifest.json"
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    mark_complete(out, path.read_bytes())
    return verify(out, num_decoded=0)


@pytest.mark.parametrize("name", ["fingerprint", "num_samples", "planned"])
def test_a_bundle_that_the_manifest_tells_otherwise_is_seen(built, name):
    def change(value):
        value["bundles"][1][name] = 5 if name != "fingerprint" else "another"

    problems = forge(built, change)
    assert any(f"in {name}, got" in problem and "000001" in problem for problem in problems)


@pytest.mark.parametrize("name", ["sha256", "bytes", "num_samples"])
def test_a_shard_that_the_manifest_tells_otherwise_is_seen(built, name):
    def change(value):
        value["shards"][0][name] = "0" * 64 if name == "sha256" else 1

    assert any("must name the shards" in problem for problem in forge(built, change))


def test_a_reject_that_the_manifest_lacks_is_seen(built):
    def change(value):
        value["bundles"][0]["num_rejects"] = 0

    problems = forge(built, change)
    assert any("must hold the rejects of" in problem for problem in problems)


def test_totals_that_do_not_add_up_are_seen(built):
    def change(value):
        value["totals"]["written"] += 1

    assert any("must count 12 'written'" in p or "12 written" in p for p in forge(built, change))


def test_a_bundle_that_the_manifest_forgot_is_seen(built):
    def change(value):
        del value["bundles"][1]
        value["shards"] = [one for one in value["shards"] if one["bundle"] == "000000"]

    problems = forge(built, change)
    assert any("000001" in problem and "is in no manifest" in problem for problem in problems)


def test_a_video_in_two_bundles_is_seen(tmp_path, make_sample, monkeypatch):
    out = str(tmp_path / "out")
    for bundle, start_s in (("000000", 0.0), ("000001", 6.4)):
        with ShardWriter(out, bundle, max_bytes=2**20, max_samples=4) as writer:
            writer.add(make_sample("same", start_s), "train")
            commit_bundle(out, BundleRecord(bundle, "f", {"same": 1}, writer.finish()))
    # The fold refuses such a set; here it is made not to look.
    monkeypatch.setattr("shards.fold._twins", lambda *_: frozenset())
    fold(out, ["000000", "000001"])
    assert any("a video must stand in one bundle, got 1" in problem for problem in verify(out))


def test_rows_are_handed_out_in_order_over_the_borders_of_groups():
    table = pa.Table.from_pylist(
        [dict.fromkeys(COLUMNS.names) | {"key": str(number)} for number in range(10)],
        schema=COLUMNS,
    )
    rows = _RowsInOrder(iter([table.slice(0, 4), table.slice(4, 1), table.slice(5)]))
    taken = [rows.take(count)["key"].to_pylist() for count in (3, 4, 0, 9)]
    assert taken == [["0", "1", "2"], ["3", "4", "5", "6"], [], ["7", "8", "9"]]
