import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shards import storage
from shards.stores import local


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_name_shows_the_old_or_the_new_content(tmp_path, monkeypatch):
    path = str(tmp_path / "x.json")
    storage.write_atomic(path, b"old")
    seen = []
    replace = Path.replace

    def spying(self, target):
        seen.append(Path(path).read_bytes())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", spying)
    storage.write_atomic(path, b"new")
    assert seen == [b"old"]
    assert Path(path).read_bytes() == b"new"
    assert names(tmp_path) == ["x.json"]


def test_a_full_disk_leaves_all_files_as_they_were(tmp_path, monkeypatch):
    paths = [str(tmp_path / name) for name in ("a", "b")]
    storage.write_all_atomic(dict.fromkeys(paths, b"old"))
    calls = []
    fsync = os.fsync

    def full_at_the_second(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "full")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    with pytest.raises(OSError, match="No space left on device") as caught:
        storage.write_all_atomic(dict.fromkeys(paths, b"new"))
    assert caught.value.filename == paths[1]
    assert [Path(path).read_bytes() for path in paths] == [b"old", b"old"]
    assert names(tmp_path) == ["a", "b"]


def test_a_read_only_folder_is_named():
    with pytest.raises(OSError, match="/proc/nothing"):
        storage.write_atomic("/proc/nothing", b"x")


def test_of_several_creators_one_wins(tmp_path):
    path = str(tmp_path / "done.json")
    code = (
        "import sys; from shards.storage import create_if_absent\n"
        "sys.stdin.readline()\n"
        "print(create_if_absent(sys.argv[1], sys.argv[2].encode()))"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, path, str(index)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(4)
    ]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert sorted(won) == ["False", "False", "False", "True"]
    assert Path(path).read_text() == str(won.index("True"))
    assert names(tmp_path) == ["done.json"]


def test_creating_twice_keeps_the_first(tmp_path):
    path = str(tmp_path / "x")
    assert storage.create_if_absent(path, b"first")
    assert not storage.create_if_absent(path, b"second")
    assert Path(path).read_bytes() == b"first"


def test_temporary_names_are_never_shared_and_are_swept(tmp_path):
    out = str(tmp_path)
    names = {storage.temporary_path(out, "000000-00.tar") for _ in range(50)}
    assert len(names) == 50
    for name in names:
        Path(name).write_bytes(b"")
    assert storage.sweep_temporary(out) == 50
    assert not list((tmp_path / "_tmp").iterdir())


def test_what_a_kill_left_beside_a_name_is_swept(tmp_path, monkeypatch):
    kept = ["_tmp", "done", "done/.lock", "done/000000.json", ".driver.lock", "manifest.json"]
    monkeypatch.setattr(local, "publish", lambda temporary, path: os._exit(0))
    for name in ("manifest.json", "done/000000.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if (child := os.fork()) == 0:
            storage.write_atomic(str(tmp_path / name), b"new")
        os.waitpid(child, 0)
        (tmp_path / name).write_bytes(b"old")
    for name in ("done/.lock", ".driver.lock"):
        (tmp_path / name).touch()
    (tmp_path / "_tmp").mkdir()
    assert storage.sweep_temporary(str(tmp_path)) == 2
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == sorted(kept)


def test_there_is_nothing_to_sweep_where_nothing_is(tmp_path):
    assert storage.sweep_temporary(str(tmp_path / "absent")) == 0


@pytest.mark.parametrize("path", ["pipe:rm x", "s3://b/x", "http://h/x"])
def test_other_stores_and_commands_are_refused(path):
    with pytest.raises(ValueError, match="a path must"):
        storage.local_path(path)


def test_a_file_url_is_a_path():
    assert storage.local_path("file:///a/b") == Path("/a/b")


def test_hidden_files_are_not_listed(tmp_path):
    for name in ("b.json", "a.json", ".a.json.1-x", "c.tar", ".d.json"):
        (tmp_path / name).write_bytes(b"")
    assert storage.list_names(str(tmp_path), ".json") == ["a.json", "b.json"]
    assert storage.list_names(str(tmp_path / "absent"), ".json") == []


def test_broken_json_is_named(tmp_path):
    (tmp_path / "x.json").write_bytes(b"{")
    with pytest.raises(ValueError, match=r"x\.json must be JSON"):
        storage.read_json(str(tmp_path / "x.json"))


def test_a_lock_does_not_take_the_blame_for_what_fails_under_it(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match="absent"),
        storage.locked(str(tmp_path / ".lock")),
    ):
        storage.read_bytes(str(tmp_path / "absent"))
