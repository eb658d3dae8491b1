import hashlib
import os

import pytest

from trainers.loop import verified
from trainers.loop.verified import Verified


@pytest.fixture
def read(monkeypatch):
    """Paths that were read, in order; all files count as settled."""
    paths = []
    sha256_of = verified.sha256_of

    def noted(path):
        paths.append(path)
        return sha256_of(path)

    monkeypatch.setattr(verified, "sha256_of", noted)
    monkeypatch.setattr(verified, "_SETTLED_NS", -1)
    return paths


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_a_file_that_stays_the_same_is_read_once(tmp_path, read):
    path, known = tmp_path / "file", Verified()
    path.write_bytes(b"one")
    assert [known.sha256(path) for _ in range(3)] == [sha256(b"one")] * 3
    assert len(read) == 1
    known.forget()
    assert known.sha256(path) == sha256(b"one")
    assert len(read) == 2


def test_a_file_that_was_written_again_or_replaced_is_read_again(tmp_path, read):
    path, known = tmp_path / "file", Verified()
    path.write_bytes(b"one")
    known.sha256(path)
    stat = path.stat()
    path.write_bytes(b"two")
    # Whoever sets the old time again cannot set that of the change.
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert known.sha256(path) == sha256(b"two")
    (tmp_path / "other").write_bytes(b"six")
    (tmp_path / "other").rename(path)
    assert known.sha256(path) == sha256(b"six")


def test_a_file_that_was_written_a_moment_ago_is_not_remembered(tmp_path, read, monkeypatch):
    monkeypatch.setattr(verified, "_SETTLED_NS", 10**12)
    path, known = tmp_path / "file", Verified()
    path.write_bytes(b"one")
    known.sha256(path)
    known.sha256(path)
    assert len(read) == 2
