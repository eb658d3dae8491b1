import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from shards import storage
from shards.columns import COLUMNS, VIDEO_COLUMNS
from shards.commit import BundleRecord, commit_bundle, read_record, retire_bundle
from shards.fold import fold
from shards.manifest import Manifest, load_rejects
from shards.read import read_sample_at
from shards.state import begin_build
from shards.write import ShardWriter

FILES = ("manifest.json", "manifest.parquet", "videos.parquet", "rejects.jsonl", "_SUCCESS")


def contents(out: str) -> dict[str, bytes]:
    return {name: (Path(out) / name).read_bytes() for name in FILES}


def test_the_manifest_leads_to_every_sample(built):
    manifest = Manifest.load(built)
    assert manifest.samples.schema.equals(COLUMNS)
    rows = manifest.samples.to_pylist()
    assert len(rows) == 12
    assert [(row["shard"], row["offset"]) for row in rows] == sorted(
        (row["shard"], row["offset"]) for row in rows
    )
    for row in rows:
        sample = read_sample_at(f"{built}/{row['shard']}", row["offset"], row["length"])
        assert sample.key == row["key"]
        assert (sample.meta["video_id"], sample.caption) == (row["video_id"], row["caption"])
        assert json.loads(row["flags"]) == ["W_VFR"]


def test_the_manifest_lists_the_tars_and_counts(built):
    manifest = Manifest.load(built)
    assert [shard["name"] for shard in manifest.shards] == [
        "000000-00.tar", "000000-01.tar", "000001-00.tar", "000001-01.tar",
    ]  # fmt: skip
    for shard in manifest.shards:
        assert shard["sha256"] == storage.sha256_of(f"{built}/{shard['name']}")
        assert shard["bytes"] == storage.size_of(f"{built}/{shard['name']}")
        assert shard["bundle"] == shard["name"][:6]
    assert sum(shard["num_samples"] for shard in manifest.shards) == 12
    totals = manifest.totals
    assert (totals["planned"], totals["written"], totals["rejected"]) == (14, 12, 2)
    assert manifest.bundles[0] == {
        "bundle": "000000",
        "fingerprint": "f",
        "num_samples": 6,
        "num_rejects": 1,
        "num_lost": 1,
        "planned": 7,
    }
    assert [row["video_id"] for row in load_rejects(built)] == ["000000-a", "000001-a"]
    success = (Path(built) / "_SUCCESS").read_text().strip()
    assert success == storage.sha256_of(f"{built}/manifest.json")


def test_two_builds_give_the_same_files(built, tmp_path, build_bundle):
    other = str(tmp_path / "other")
    for bundle in ("000001", "000000"):
        build_bundle(other, bundle)
    fold(other, ["000001", "000000"])
    assert contents(other) == contents(built)


def test_folding_again_rewrites_nothing(built):
    before = {name: (Path(built) / name).stat().st_ino for name in FILES}
    fold(built, ["000000", "000001"])
    assert {name: (Path(built) / name).stat().st_ino for name in FILES} == before


def test_a_fold_that_was_cut_short_is_mended(built):
    want = contents(built)
    for name in FILES:
        (Path(built) / name).unlink()
        fold(built, ["000000", "000001"])
        assert contents(built) == want


def test_the_identity_follows_the_samples_and_not_the_rejects(built, tmp_path, build_bundle):
    other = str(tmp_path / "other")
    for bundle in ("000000", "000001"):
        build_bundle(other, bundle)
    lonely = {"video_id": "x", "code": "E_CAPNOVIDEO", "clips": 0, "bundle": ""}
    with_reject = fold(other, ["000000", "000001"], [lonely])
    assert with_reject.totals["rejects"] == 3
    assert load_rejects(other)[-1] == lonely
    assert with_reject.sha256 == Manifest.load(built).sha256
    retire_bundle(other, "000001")
    build_bundle(other, "000001", num_clips=2)
    assert fold(other, ["000000", "000001"]).sha256 != with_reject.sha256


def test_a_bundle_that_is_not_committed_stops_the_fold(built):
    retire_bundle(built, "000001")
    with pytest.raises(ValueError, match=r"1 of 2 .*000001"):
        fold(built, ["000000", "000001"])


def test_books_that_do_not_close_stop_the_fold(tmp_path):
    out = str(tmp_path)
    commit_bundle(out, BundleRecord("000000", "f", {"v": 2}))
    with pytest.raises(ValueError, match=r"planned clips must equal"):
        fold(out, ["000000"])
    assert not (tmp_path / "manifest.json").exists()


def test_a_folder_without_manifest_names_the_command(tmp_path):
    with pytest.raises(ValueError, match=r"weakvid shards .*--shards\.out " + str(tmp_path)):
        Manifest.load(str(tmp_path))


def test_a_changed_table_is_refused(built):
    path = Path(built) / "manifest.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"manifest\.parquet"):
        _ = Manifest.load(built).samples
    data[100] ^= 1
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"manifest\.parquet"):
        Manifest.load(built)
    path.unlink()
    with pytest.raises(ValueError, match=r"manifest\.parquet"):
        Manifest.load(built)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2}'])
def test_a_strange_manifest_is_refused(built, text):
    (Path(built) / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json"):
        Manifest.load(built)


def test_a_split_is_a_part_of_the_rows(tmp_path, make_sample):
    out = str(tmp_path)
    with ShardWriter(out, "000000", max_bytes=2**20, max_samples=9) as writer:
        writer.add(make_sample("a"), "train")
        writer.add(make_sample("b"), "val")
        writer.add(make_sample("a", 4.0), "train")
        parts = writer.finish()
    commit_bundle(out, BundleRecord("000000", "f", {"a": 2, "b": 1}, parts))
    manifest = fold(out, ["000000"])
    assert manifest.split("train").column("t0_ms").to_pylist() == [0, 4000]
    assert manifest.split("val").column("video_id").to_pylist() == ["b"]
    assert manifest.split("test").num_rows == 0
    assert manifest.totals["splits"] == {"train": 2, "val": 1, "test": 0}


def test_equal_bytes_under_two_ids_are_flagged_and_kept(tmp_path, make_sample):
    out = str(tmp_path)
    samples = [make_sample("a"), make_sample("b"), make_sample("c")]
    samples[1].meta["src"]["sha256"] = samples[0].meta["src"]["sha256"]
    with ShardWriter(out, "000000", max_bytes=2**20, max_samples=9) as writer:
        for sample in samples:
            writer.add(sample, "train")
        parts = writer.finish()
    videos = [
        {"video_id": sample.meta["video_id"], "sha256": sample.meta["src"]["sha256"]}
        for sample in samples
    ]
    planned = dict.fromkeys("abc", 1)
    commit_bundle(out, BundleRecord("000000", "f", planned, parts, videos=videos))
    manifest = fold(out, ["000000"])
    rows = manifest.samples.to_pylist()
    assert [json.loads(row["flags"]) for row in rows] == [
        ["W_DUPBYTES", "W_VFR"],
        ["W_DUPBYTES", "W_VFR"],
        ["W_VFR"],
    ]
    flags = manifest.videos().column("flags").to_pylist()
    assert flags == ['["W_DUPBYTES"]', '["W_DUPBYTES"]', "[]"]
    assert read_record(out, "000000").parts[0].rows[0]["flags"] == ["W_VFR"]


def test_a_video_in_two_bundles_is_named(tmp_path):
    out = str(tmp_path)
    reject = {"video_id": "v", "code": "E_EMPTY", "clips": 0}
    for bundle in ("000000", "000001"):
        commit_bundle(out, BundleRecord(bundle, "f", {"v": 0}, [], [reject]))
    with pytest.raises(ValueError, match=r"'v' in bundle 000000, 'v' in bundle 000001"):
        fold(out, ["000000", "000001"])


def test_some_columns_of_one_split_are_read_alone(built):
    manifest = Manifest.load(built)
    table = manifest.table(["t0_ms", "key"], "train")
    assert table.column_names == ["t0_ms", "key"] and table.num_rows == 12
    assert manifest.table(["key"], "val").num_rows == 0
    assert manifest.rows_of_split("train").tolist() == list(range(12))
    assert manifest.rows(5, 3, ["key"]).equals(manifest.samples.select(["key"]).slice(5, 3))
    assert Manifest.load(built).rows(5, 3, ["key"]).num_rows == 3
    names = [manifest.shards[number]["name"] for number in manifest.shard_of_row()]
    assert names == manifest.samples.column("shard").to_pylist()


def test_a_folder_under_replacement_is_refused_as_such(built, build_bundle):
    begin_build(built, replaces=True)
    retire_bundle(built, "000001")
    with pytest.raises(ValueError, match="a build is under way that replaces"):
        Manifest.load(built)
    build_bundle(built, "000001", num_clips=2)
    fold(built, ["000000", "000001"])
    assert Manifest.load(built).version == 2


def test_a_folder_that_only_grows_can_be_read_meanwhile(built, build_bundle):
    begin_build(built, replaces=False)
    build_bundle(built, "000002")
    assert Manifest.load(built).num_samples == 12
    assert fold(built, ["000000", "000001", "000002"]).version == 2


def test_a_build_of_rejects_only_has_an_empty_table(tmp_path):
    out = str(tmp_path)
    reject = {"video_id": "v", "code": "E_EMPTY", "clips": 0, "bundle": "000000"}
    commit_bundle(out, BundleRecord("000000", "f", {"v": 0}, [], [reject]))
    manifest = fold(out, ["000000"])
    assert manifest.samples.num_rows == 0
    assert manifest.samples.schema.equals(COLUMNS)
    data = (tmp_path / "manifest.parquet").read_bytes()
    assert pq.read_table(tmp_path / "manifest.parquet").num_rows == 0
    table_sha256 = json.loads((tmp_path / "manifest.json").read_bytes())["samples_sha256"]
    assert table_sha256 == hashlib.sha256(data).hexdigest()


def test_every_source_of_a_bundle_is_a_row_of_the_videos(tmp_path):
    out = str(tmp_path)
    reject = {"video_id": "v", "code": "E_EMPTY", "clips": 0, "bundle": "000000"}
    row = {"video_id": "v", "name": "v.mp4", "bytes": 9, "sha256": "f0", "duration_s": 1.5}
    row |= {"lang": "de", "flags": ["W_VFR", "W_ROT"], "planned": 0, "extra": '{"label":"x"}'}
    commit_bundle(out, BundleRecord("000000", "f", {"v": 0}, [], [reject], [row]))
    table = fold(out, ["000000"]).videos()
    assert table.schema.equals(VIDEO_COLUMNS)
    [listed] = table.to_pylist()
    assert listed["bundle"] == "000000" and listed["lang"] == "de" and listed["codec"] is None
    assert (listed["flags"], listed["extra"]) == ('["W_ROT","W_VFR"]', '{"label":"x"}')
