"""Looking into shards that lie in an object store."""

from http import HTTPStatus
from pathlib import Path

import pytest

from pipeline.reports.shards import write_shards_report
from pipeline.stages import explain, verify
from pipeline.viewer.server import Site
from shards import storage
from shards.manifest import Manifest


@pytest.fixture
def out(little_shards, bucket) -> str:
    """The little shards in a bucket."""
    root = Path(little_shards)
    for path in root.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            storage.write_atomic(f"{bucket}/real/{path.relative_to(root)}", path.read_bytes())
    return f"{bucket}/real"


def test_verify_view_explain_and_report_read_a_bucket(out, capsys):
    assert verify.run(out, decode=None) == 0
    assert verify.run(out, quick=True) == 0
    row = Manifest.load(out).samples.slice(3, 1).to_pylist()[0]
    site = Site(out)
    for path in ("/", f"/clip/{row['key']}", f"/film/{row['key']}.jpg", f"/media/{row['key']}.mp4"):
        assert site.answer(path).status == HTTPStatus.OK, path
    assert explain.run(row["key"], out) == 0
    assert f"{out}/{row['shard']}" in capsys.readouterr().out
    path, is_new = write_shards_report(out)
    assert is_new and storage.read_bytes(path).startswith(b"<!doctype html>")
    assert write_shards_report(out) == (path, False)


def test_damage_in_a_bucket_is_found(out, capsys):
    path = f"{out}/{Manifest.load(out).shards[1]['name']}"
    data = bytearray(storage.read_bytes(path))
    data[len(data) // 2] ^= 4
    storage.write_atomic(path, bytes(data))
    assert verify.run(out) == 1
    assert path in capsys.readouterr().out
