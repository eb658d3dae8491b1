"""Paths in a bucket, against a real S3 server on loopback."""

from pathlib import Path

import pytest

from shards import storage
from shards.paths import StorePath, any_path, read_all, size_of


def test_a_setting_names_a_folder_here_or_in_a_bucket() -> None:
    assert any_path("runs/one") == Path("runs/one")
    assert any_path("s3://bucket/runs/") == StorePath("s3://bucket/runs")
    with pytest.raises(ValueError, match="must lie on this machine or begin with s3"):
        any_path("ftp://host/runs")


def test_what_lies_below_makes_a_path_look_like_a_folder(bucket: str) -> None:
    run = any_path(f"{bucket}/runs") / "one"
    assert not run.exists() and list(run.iterdir()) == []
    storage.write_atomic(str(run / "logs/attempt-1.log"), b"told")
    storage.write_atomic(str(run / "config.yaml"), b"a: 1")
    assert run.is_dir() and run.exists() and not run.is_file()
    assert [path.name for path in run.iterdir()] == ["config.yaml", "logs"]
    assert [path.name for path in run.glob("conf*")] == ["config.yaml"]
    assert run.sizes() == {"config.yaml": 4, "logs/attempt-1.log": 4}
    assert (run / "config.yaml").read_text() == "a: 1"
    assert size_of(run / "config.yaml") == 4
    assert (run / "a").with_name("b") == run / "b"


def test_objects_are_deleted_alone_or_with_all_that_lies_beside(bucket: str) -> None:
    run = StorePath(f"{bucket}/runs/one")
    for name in ("a", "b/c", "b/d"):
        (run / name).touch()
    (run / "a").unlink()
    with pytest.raises(FileNotFoundError):
        (run / "a").unlink()
    (run / "a").unlink(missing_ok=True)
    run.delete_below()
    assert not run.exists()


def test_many_objects_are_read_at_once_and_one_that_is_gone_is_empty(bucket: str) -> None:
    run = StorePath(f"{bucket}/runs/one")
    for number in range(20):
        storage.write_atomic(str(run / f"{number:02d}"), str(number).encode())
    read = read_all([*run.iterdir(), run / "gone"])
    assert read == [str(number).encode() for number in range(20)] + [b""]
