import os
import socket
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from shards import storage
from shards.stores import objects, retry, s3
from shards.stores.errors import ChangedError, TooLargeError
from shards.stores.retry import num_retries

# Six creators at once, once a line is read; prints the names of those that won.
RACE = """
import sys, threading
from shards.storage import create_if_absent, exists
path, process = sys.argv[1:]
exists(path)
def create(name):
    barrier.wait()
    if create_if_absent(path, name.encode()):
        print(name)
barrier = threading.Barrier(6)
threads = [threading.Thread(target=create, args=[f"{process}-{n}"]) for n in range(6)]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)


def test_of_twelve_creators_in_two_processes_one_wins(bucket):
    path = f"{bucket}/done/000000.json"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, path, str(index)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 2
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [name for racer in racers for name in racer.communicate(timeout=120)[0].split()]
    assert len(won) == 1
    assert storage.read_bytes(path).decode() == won[0]


def test_an_object_is_written_read_in_spans_listed_and_deleted(bucket):
    path = f"{bucket}/folder/a b.json"
    storage.write_atomic(path, b'{"a": 1}')
    assert storage.read_json(path) == {"a": 1}
    assert storage.read_range(path, 2, 3) == b'a": '[:3]
    assert storage.read_range(path, 6, 100) == b"1}"
    assert storage.read_range(path, 100, 5) == b""
    assert storage.size_of(path) == 8
    for name in ("b.json", ".hidden.json", "c.tar", "deeper/d.json"):
        storage.write_atomic(f"{bucket}/folder/{name}", b"x")
    assert storage.list_names(f"{bucket}/folder", ".json") == ["a b.json", "b.json"]
    assert storage.list_names(f"{bucket}/absent", ".json") == []
    assert storage.list_sizes(f"{bucket}/folder", ".json") == {
        "a b.json": 8,
        ".hidden.json": 1,
        "b.json": 1,
    }
    assert storage.list_versions(f"{bucket}/folder")[path] == storage.version_of(path)
    storage.delete(path)
    storage.delete(path)
    assert not storage.exists(path)


def test_a_listing_of_more_than_a_page_is_whole(bucket):
    with ThreadPoolExecutor(16) as pool:
        for index in range(1005):
            pool.submit(storage.write_atomic, f"{bucket}/many/{index:04d}.json", b"")
    names = storage.list_names(f"{bucket}/many", ".json")
    assert names == [f"{index:04d}.json" for index in range(1005)]


def test_a_file_in_parts_arrives_whole_and_is_read_from_any_place(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    data = os.urandom((11 << 20) + 7)
    (tmp_path / "big").write_bytes(data)
    storage.publish(str(tmp_path / "big"), f"{bucket}/big.tar")
    assert not (tmp_path / "big").exists(), "a published file is gone from scratch"
    assert storage.read_bytes(f"{bucket}/big.tar") == data
    with storage.open_read(f"{bucket}/big.tar") as file:
        file.seek(-7, os.SEEK_END)
        assert file.read() == data[-7:]
        file.seek(4 << 20)
        assert file.read(100) == data[4 << 20 : (4 << 20) + 100]


def test_an_object_that_changes_while_it_is_read_is_noticed(bucket, monkeypatch):
    path = f"{bucket}/x"
    storage.write_atomic(path, b"1" * (5 << 20))
    with storage.open_read(path) as file:
        file.read(10)
        storage.write_atomic(path, b"2" * (5 << 20))
        with pytest.raises(ChangedError):
            file.read()


def test_a_download_has_the_version_and_the_size_it_was_told(bucket, tmp_path):
    path, target = f"{bucket}/x", tmp_path / "x"
    storage.write_atomic(path, b"first")
    first = storage.version_of(path)
    assert storage.download(path, target, first, 5) == 5 and target.read_bytes() == b"first"
    with pytest.raises(TooLargeError):
        storage.download(path, target, first, 4)
    storage.write_atomic(path, b"other")
    with pytest.raises(ChangedError):
        storage.download(path, target, first, 5)


def test_an_object_is_replaced_only_in_the_version_that_is_known(bucket):
    path = f"{bucket}/lock"
    storage.write_atomic(path, b"1")
    version = storage.version_of(path)[1]
    second = storage.replace_if(path, b"2", version)
    assert second == storage.version_of(path)[1] != version
    assert storage.replace_if(path, b"3", version) == ""
    assert storage.read_bytes(path) == b"2"
    storage.delete(path)
    assert storage.replace_if(path, b"4", second) == "" and not storage.exists(path)


def test_faults_of_every_kind_are_got_over_and_counted(bucket, faulty_s3, tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    counts, before = faulty_s3(0.3, "429,503,cut,lost", seed=3), num_retries()
    data = os.urandom(11 << 20)
    (tmp_path / "big").write_bytes(data)
    for index in range(30):
        assert storage.create_if_absent(f"{bucket}/{index}", b"mine")
        assert not storage.create_if_absent(f"{bucket}/{index}", b"other")
    storage.publish(str(tmp_path / "big"), f"{bucket}/big")
    assert len(storage.list_names(bucket, "")) == 31
    expected = storage.version_of(f"{bucket}/big")
    storage.download(f"{bucket}/big", tmp_path / "copy", expected, len(data))
    assert (tmp_path / "copy").read_bytes() == data
    faults = counts()
    assert min(faults[kind] for kind in ("429", "503", "lost")) > 0
    assert num_retries() - before >= faults["429"] + faults["503"] + faults["lost"]
    assert num_retries() - before <= sum(faults.values()) - faults["passed"]


def test_parts_that_were_put_together_though_the_answer_was_lost_are_enough(
    bucket, tmp_path, monkeypatch
):
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    real = s3.S3Store._call

    def gone(self, method, path, **more):
        done = real(self, method, path, **more)
        if method == "complete_multipart_upload":
            raise FileNotFoundError("no such object (NoSuchUpload)")
        return done

    monkeypatch.setattr(s3.S3Store, "_call", gone)
    (tmp_path / "big").write_bytes(b"x" * (6 << 20))
    storage.publish(str(tmp_path / "big"), f"{bucket}/big")
    assert storage.size_of(f"{bucket}/big") == 6 << 20


def test_a_store_that_stays_down_ends_in_an_error_that_names_the_path(bucket, faulty_s3):
    counts = faulty_s3(1.0, "503")
    with pytest.raises(OSError, match=rf"503 .*tried {retry.TRIES} times.*{bucket}/x"):
        storage.read_bytes(f"{bucket}/x")
    assert counts()["503"] == retry.TRIES, "no library below retries as well"


def test_a_server_that_is_away_is_waited_for_a_little(bucket, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setattr(objects, "_stores", {})
        with pytest.raises(OSError, match=f"did not answer.*tried {retry.TRIES} times"):
            storage.read_bytes(f"{bucket}/x")


def test_what_is_missing_or_forbidden_is_told_apart_and_not_tried_again(bucket):
    before = num_retries()
    with pytest.raises(FileNotFoundError, match=f"{bucket}/absent"):
        storage.read_bytes(f"{bucket}/absent")
    with pytest.raises(FileNotFoundError, match="s3://weakvid-no-such-bucket/x"):
        storage.write_atomic("s3://weakvid-no-such-bucket/x", b"")
    assert num_retries() == before


def test_no_secret_is_in_an_error_or_its_traceback(bucket, faulty_s3, caplog):
    caplog.set_level("DEBUG", logger="shards")
    faulty_s3(1.0, "503,cut,lost")
    told = ""
    for call in (storage.read_bytes, storage.version_of, storage.delete):
        try:
            call(f"{bucket}/x")
        except OSError:
            told += traceback.format_exc()
    assert "tried" in told
    for secret in ("secret-of-tests", "key-of-tests", "Signature", "Authorization"):
        assert secret not in told + caplog.text


def test_the_endpoint_is_never_chosen_by_a_path(bucket):
    for path in ("s3://127.0.0.1:9/x", "s3://key:secret@bucket/x", "s3://arn:aws:s3:::x/y"):
        with pytest.raises(ValueError, match="must name a bucket"):
            storage.read_bytes(path)


def test_a_store_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "shards.stores.s3", None)
    monkeypatch.setattr(objects, "_stores", {})
    with pytest.raises(ValueError, match=r"pip install weakvid\[s3\]"):
        storage.read_bytes("s3://bucket/x")
