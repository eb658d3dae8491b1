"""Remote sources, against a real S3 server on loopback."""

import os
import threading
from types import SimpleNamespace

import pytest

from configs.sources import LimitsConfig
from pipeline.media import fetch
from pipeline.media.errors import MediaError
from pipeline.media.fetch import local_copy
from shards import storage
from shards.stores import objects, retry
from shards.stores.scratch import use_scratch

LIMITS = LimitsConfig(file_bytes=1000)


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    use_scratch(str(tmp_path))
    yield tmp_path
    use_scratch("")


@pytest.fixture
def listed(bucket):
    """Puts bytes in a bucket and lists them, as the plan does."""

    def put(data: bytes, name: str = "a.mp4", **changes):
        path = f"{bucket}/{name}"
        storage.write_atomic(path, data)
        num_bytes, stamp = storage.version_of(path)
        facts = {"video": path, "bytes": num_bytes, "stamp": stamp} | changes
        return SimpleNamespace(**facts)

    return put


def code_of(source, limits=LIMITS) -> str:
    with pytest.raises(MediaError) as caught, local_copy(source, limits, 10_000):
        pass
    return caught.value.code


def fetched(folder) -> list:
    return list(folder.rglob("fetched-*"))


def test_a_local_video_is_read_where_it_lies(tmp_path):
    source = SimpleNamespace(video=str(tmp_path / "a.mp4"), bytes=1, stamp="1")
    with local_copy(source, LIMITS, 1) as path:
        assert path == tmp_path / "a.mp4"


def test_a_copy_has_the_bytes_and_is_gone_afterwards(listed, scratch):
    data = os.urandom(1000)
    with local_copy(listed(data), LIMITS, 10_000) as path:
        assert path.read_bytes() == data and fetched(scratch) == [path]
    assert fetched(scratch) == []


def test_a_copy_is_gone_after_a_fault_too(listed, scratch):
    with pytest.raises(KeyError), local_copy(listed(b"x"), LIMITS, 10_000):
        raise KeyError
    assert fetched(scratch) == []


def test_what_was_not_sized_by_the_listing_is_taken(listed):
    with local_copy(listed(b"x" * 9, bytes=-1, stamp=""), LIMITS, 10_000) as path:
        assert path.read_bytes() == b"x" * 9


def test_what_changed_since_it_was_listed_is_said_to_have(listed):
    assert code_of(listed(b"x", bytes=2)) == "E_CHANGED"
    assert code_of(listed(b"x", stamp="other")) == "E_CHANGED"
    source = listed(b"first")
    listed(b"other")
    assert code_of(source) == "E_CHANGED"


def test_what_changes_while_it_is_fetched_is_said_to_have(listed, monkeypatch):
    source = listed(b"first" * 100)
    monkeypatch.setattr(objects, "PIECE_BYTES", 50)
    real, calls = objects._get, []

    def changing(path, *more):
        calls.append(None)
        if len(calls) == 3:
            listed(b"other" * 100)
        return real(path, *more)

    monkeypatch.setattr(objects, "_get", changing)
    assert code_of(source) == "E_CHANGED"


def test_what_is_missing_cannot_be_fetched(listed):
    source = listed(b"x")
    storage.delete(source.video)
    assert code_of(source) == "E_FETCH"
    assert code_of(SimpleNamespace(video="s3://weakvid-absent/x", bytes=1, stamp="")) == "E_FETCH"


def test_what_a_server_refuses_to_show_cannot_be_fetched(monkeypatch):
    def refused(path):
        raise PermissionError(13, "the S3 server said 403 AccessDenied", path)

    monkeypatch.setattr(storage, "version_of", refused)
    source = SimpleNamespace(video="s3://bucket/x", bytes=1, stamp="")
    with pytest.raises(MediaError, match="E_FETCH: video: cannot be fetched: .*403"):
        local_copy(source, LIMITS, 10_000).__enter__()


def test_a_server_that_stays_down_is_no_reason_to_wait_for_ever(listed, faulty_s3):
    source = listed(b"x")
    faulty_s3(1.0, "503,429")
    assert code_of(source) == "E_FETCH"


def test_more_than_the_limit_is_refused_before_it_reaches_the_disk(listed, scratch):
    assert code_of(listed(b"x" * 1001)) == "E_HUGE"
    assert code_of(listed(b"x" * 1001, bytes=-1)) == "E_HUGE"
    with local_copy(listed(b"x" * 1000), LIMITS, 10_000):
        pass


def test_copies_of_several_threads_stay_below_the_quota(listed, scratch):
    sources = [listed(os.urandom(900), f"{index}.mp4") for index in range(6)]
    most = []

    def size(path):
        try:
            return path.stat().st_size
        except FileNotFoundError:  # another thread let go of it since it was listed
            return 0

    def take(source):
        with local_copy(source, LIMITS, 2000):
            most.append(sum(map(size, fetched(scratch))))

    threads = [threading.Thread(target=take, args=[source]) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 6 and max(most) <= 2000


def test_a_quota_that_holds_no_whole_video_is_refused(listed):
    with pytest.raises(ValueError, match=r"shards\.scratch_bytes.*got 999 and 1000"):
        local_copy(listed(b"x"), LIMITS, 999).__enter__()


def test_a_full_disk_is_no_fault_of_the_source(listed, monkeypatch):
    def full(path, target, expected, max_bytes):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(fetch.storage, "download", full)
    with pytest.raises(OSError, match="No space left.*fetched-"):
        local_copy(listed(b"x"), LIMITS, 10_000).__enter__()
