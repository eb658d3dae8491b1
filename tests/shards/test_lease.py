"""The driver's lock on an output in a bucket, against a real S3 server on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from shards import lease, storage
from shards.lease import hold_lease

# Holds the lock, says so, and does nothing more.
HOLD = """
import sys
from shards.lease import hold_lease
with hold_lease(sys.argv[1], beat_s=0.2):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def path(bucket) -> str:
    return f"{bucket}/out/.driver.lock"


@pytest.fixture
def elsewhere(monkeypatch):
    """As if the owner ran on another machine: nothing is known of its process."""
    monkeypatch.setattr(lease, "_machine", lambda: "another boot of another machine")


def test_a_living_driver_is_refused_to_and_named(path, elsewhere):
    process = holder(path)
    with pytest.raises(ValueError, match=rf"one driver at a time.*process {process.pid} on"):
        hold_lease(path, stale_s=5).__enter__()
    process.communicate()
    assert not storage.exists(path), "it is given back at the end"


def test_a_killed_driver_of_this_machine_is_not_waited_for(path):
    process = holder(path)
    process.kill()
    process.wait()
    started = time.monotonic()
    with hold_lease(path, stale_s=60):
        assert time.monotonic() - started < 5


def test_a_killed_driver_of_another_machine_is_waited_for_a_little(path, elsewhere):
    process = holder(path)
    process.kill()
    process.wait()
    started = time.monotonic()
    with hold_lease(path, stale_s=1.0):
        assert 1.0 <= time.monotonic() - started < 10


def test_of_several_that_find_a_dead_lock_one_takes_it(path, elsewhere):
    storage.write_atomic(path, b"{}")
    won, lost = [], []

    def take():
        try:
            with hold_lease(path, beat_s=0.1, stale_s=1.0):
                won.append(None)
                time.sleep(3)
        except ValueError:
            lost.append(None)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 3)


def test_a_frozen_driver_that_wakes_up_learns_that_it_is_too_late(path, elsewhere):
    process = holder(path)
    os.kill(process.pid, signal.SIGSTOP)
    with hold_lease(path, beat_s=0.2, stale_s=1.0):
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(20) == -signal.SIGTERM, "as its default is where nothing drains"
        time.sleep(0.5)
        owner = json.loads(storage.read_bytes(path))
        assert owner["pid"] == os.getpid(), "and it leaves the lock of the other alone"
    process.communicate()


def test_a_lock_is_kept_fresh_over_an_outage_that_is_short(path, faulty_s3):
    lost = []
    with hold_lease(path, beat_s=0.1, on_lost=lambda: lost.append(None)):
        before = json.loads(storage.read_bytes(path))["beat"]
        counts = faulty_s3(0.5, "503,lost", seed=2)
        deadline = time.monotonic() + 60
        while not counts().get("lost") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert counts()["lost"] > 0
        time.sleep(1)
        assert json.loads(storage.read_bytes(path))["beat"] > before
    assert lost == []


def test_a_store_that_writes_over_what_is_there_is_refused(path, monkeypatch):
    real = storage.create_if_absent

    def careless(where, data):
        storage.delete(where)
        return real(where, data)

    monkeypatch.setattr(storage, "create_if_absent", careless)
    with pytest.raises(ValueError, match="only if it is absent"):
        hold_lease(path).__enter__()
    assert not storage.exists(path)
