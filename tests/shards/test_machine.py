import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shards import machine, storage
from shards.machine import DamagedShard, MachineShards


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def hashed(monkeypatch):
    """Paths that were hashed."""
    paths, real = [], storage.sha256_of

    def sha256_of(path):
        paths.append(path)
        return real(path)

    monkeypatch.setattr(storage, "sha256_of", sha256_of)
    return paths


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "000000-00.tar"
    path.write_bytes(b"a shard " * 1000)
    return str(path), sha(path.read_bytes()), 8000


def test_a_shard_is_hashed_once_on_a_machine(tmp_path, shard, hashed):
    for _ in range(3):
        MachineShards(str(tmp_path), 0).check(*shard)
    assert hashed == [shard[0]]


def test_processes_that_come_at_once_hash_a_shard_once(tmp_path, shard):
    program = (
        "import sys, time\nfrom shards import machine, storage\nreal = storage.sha256_of\n"
        "def slow(path):\n    print('hashed', flush=True); time.sleep(0.5); return real(path)\n"
        "storage.sha256_of = slow\n"
        "machine.MachineShards(sys.argv[1], 0).check(*sys.argv[2:4], int(sys.argv[4]))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), *map(str, shard)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."})
        for _ in range(3)
    ]
    assert [process.communicate()[0] for process in processes].count(b"hashed\n") == 1
    assert {process.returncode for process in processes} == {0}


def test_a_changed_shard_is_hashed_again_and_named(tmp_path, shard, hashed):
    shards = MachineShards(str(tmp_path), 0)
    shards.check(*shard)
    with Path(shard[0]).open("r+b") as file:
        file.seek(4000)
        file.write(b"B")
    os.utime(shard[0], (1, 1))
    for _ in range(2):
        with pytest.raises(DamagedShard, match=f"{shard[0]} must have SHA-256 {shard[1]}"):
            shards.check(*shard)
    assert len(hashed) == 3, "a note is made of what is right only"


def test_a_shard_that_is_cut_is_not_even_hashed(tmp_path, shard, hashed):
    os.truncate(shard[0], 7000)
    with pytest.raises(DamagedShard, match="must have 8000 bytes, got 7000"):
        MachineShards(str(tmp_path), 0).check(*shard)
    assert hashed == []


def test_a_shard_that_is_missing_is_an_error_of_the_system(tmp_path, shard):
    Path(shard[0]).unlink()
    with pytest.raises(FileNotFoundError):
        MachineShards(str(tmp_path), 0).check(*shard)


def test_a_folder_of_somebody_else_is_refused(tmp_path, shard, monkeypatch):
    MachineShards(str(tmp_path), 0)
    somebody = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody)
    (tmp_path / f"weakvid-shards-{os.getuid()}").mkdir()
    with pytest.raises(PermissionError, match=r"choose another data\.copies"):
        MachineShards(str(tmp_path), 0)


class Store:
    """Objects of a made-up store, and how often each was fetched."""

    def __init__(self, monkeypatch):
        self.objects, self.fetched, self.slow = {}, [], 0.0
        monkeypatch.setattr(storage, "version_of", self.version_of)
        monkeypatch.setattr(storage, "download", self.download)

    def put(self, name, data):
        self.objects[f"s3://bucket/{name}"] = data
        return f"s3://bucket/{name}", sha(data), len(data)

    def version_of(self, path):
        return len(self.objects[path]), "1"

    def download(self, path, target, expected, max_bytes):
        self.fetched.append(path)
        time.sleep(self.slow)
        target.write_bytes(self.objects[path])
        return expected[0]


@pytest.fixture
def store(monkeypatch):
    return Store(monkeypatch)


def copies(tmp_path):
    return sorted(path.name for path in tmp_path.glob("*/copies/*"))


def test_a_remote_shard_is_copied_once_and_has_its_bytes(tmp_path, store):
    one = store.put("one", b"1" * 500)
    shards = MachineShards(str(tmp_path), 1000)
    paths = {shards.copy(*one) for _ in range(3)} | {MachineShards(str(tmp_path), 1000).copy(*one)}
    assert [path.read_bytes() for path in paths] == [b"1" * 500]
    assert store.fetched == [one[0]]
    assert copies(tmp_path) == [f"{one[1]}.tar"]


def test_copies_stay_within_their_room_and_the_least_used_goes(tmp_path, store):
    parts = [store.put(str(n), str(n).encode() * 400) for n in range(4)]
    shards = MachineShards(str(tmp_path), 1200)
    for number, part in enumerate(parts[:3]):
        os.utime(shards.copy(*part), (number, number))
    shards.copy(*parts[0])
    shards.copy(*parts[3])
    assert copies(tmp_path) == sorted(f"{parts[n][1]}.tar" for n in (0, 2, 3))
    shards.copy(*parts[1])
    assert store.fetched.count(parts[1][0]) == 2
    assert sum(path.stat().st_size for path in tmp_path.glob("*/copies/*")) <= 1200


def test_bytes_that_are_wrong_once_are_fetched_again(tmp_path, store, monkeypatch):
    one = store.put("one", b"1" * 500)
    real, wrong = store.download, [True]

    def download(path, target, expected, max_bytes):
        real(path, target, expected, max_bytes)
        if wrong:
            target.write_bytes(b"0" * wrong.pop() * 500)
        return expected[0]

    monkeypatch.setattr(storage, "download", download)
    assert MachineShards(str(tmp_path), 1000).copy(*one).read_bytes() == b"1" * 500
    assert len(store.fetched) == 2


def test_a_remote_shard_that_is_another_is_named_and_leaves_nothing(tmp_path, store):
    path, _, size = store.put("one", b"1" * 500)
    shards = MachineShards(str(tmp_path), 1000)
    with pytest.raises(DamagedShard, match="s3://bucket/one must have SHA-256 abc, got"):
        shards.copy(path, "abc", size)
    with pytest.raises(DamagedShard, match="s3://bucket/one must have 600 bytes, got 500"):
        shards.copy(path, "abc", 600)
    assert len(store.fetched) == machine.TRIES
    assert copies(tmp_path) == []


def test_a_shard_that_is_larger_than_the_room_is_refused(tmp_path, store):
    with pytest.raises(ValueError, match=r"data\.copies_gib must hold a whole shard, got 400"):
        MachineShards(str(tmp_path), 400).copy(*store.put("one", b"1" * 500))


def test_a_copy_waits_for_the_room_of_another_that_is_under_way(tmp_path, store, monkeypatch):
    monkeypatch.setattr(machine, "POLL_S", 0.01)
    store.slow = 0.2
    shards = MachineShards(str(tmp_path), 700)
    parts = [store.put(name, name.encode() * 500) for name in "ab"]
    threads = [threading.Thread(target=shards.copy, args=part) for part in parts]
    for thread in threads:
        thread.start()
    deadline, most = time.monotonic() + 20, 0
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        most = max(most, len(copies(tmp_path)))
        time.sleep(0.01)
    assert most == 1 and len(store.fetched) == 2


def test_what_a_killed_process_left_of_a_copy_takes_no_room(tmp_path, store):
    shards = MachineShards(str(tmp_path), 700)
    [folder] = tmp_path.glob("*/copies")
    (folder / "dead.part").write_bytes(b"x" * 600)
    one = store.put("one", b"1" * 500)
    shards.copy(*one)
    assert copies(tmp_path) == [f"{one[1]}.tar"]


COPIER = """
import hashlib, sys, random
from shards.machine import MachineShards
folder, quota, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
shards, order = MachineShards(folder, quota), random.Random(seed)
for turn in range(25):
    path, sha256, size = order.choice([line.split() for line in sys.argv[4:]])
    for _ in range(50):
        try:
            data = shards.copy(path, sha256, int(size)).read_bytes()
            break
        except FileNotFoundError:  # it had to make room
            continue
    assert hashlib.sha256(data).hexdigest() == sha256, path
    print(turn, flush=True)
"""


def test_processes_share_little_room_and_one_of_them_is_killed(tmp_path, bucket):
    parts = []
    for number in range(5):
        data = bytes([number]) * 300_000
        storage.write_atomic(f"{bucket}/{number}.tar", data)
        parts.append(f"{bucket}/{number}.tar {sha(data)} {len(data)}")
    quota = 700_000
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COPIER, str(tmp_path), str(quota), str(seed), *parts],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": "."},
        )
        for seed in range(3)
    ]
    assert processes[0].stdout is not None
    processes[0].stdout.readline()
    time.sleep(0.2)
    processes[0].kill()
    most = 0
    while any(process.poll() is None for process in processes[1:]):
        # Twice, since one look may see a copy under both of its names.
        looks = [sum(map(machine.size_of, tmp_path.glob("*/copies/*"))) for _ in range(2)]
        most = max(most, min(looks))
        time.sleep(0.05)
    assert [process.wait() for process in processes[1:]] == [0, 0]
    assert 0 < most <= quota
    for process in processes:
        process.communicate()
