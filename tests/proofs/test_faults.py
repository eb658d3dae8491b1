"""Faults of the disk, the driver and the nodes: what a build says, and that a rerun ends well."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import kills
import pytest
from builds import environment, finish, shards
from kills import Run, difference, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

STOP_S = 10.0
"""Within which a build that cannot write must end."""


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@contextmanager
def small_disk(folder, size: str):
    """A tmpfs of its own; its size and whether it can be written can be changed by remounting."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a tmpfs of a given size can only be mounted by root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def wait_for(condition, timeout_s: float = 120.0) -> bool:
    until = time.monotonic() + timeout_s
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return bool(found)


def is_full(folder) -> bool:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < 1 << 16


def test_a_full_disk_stops_the_build_and_a_rerun_completes_it(
    corpus, undisturbed, tmp_path, root, figures
):
    with small_disk(tmp_path / "disk", "24m") as disk:
        log, out = tmp_path / "log", disk / "out"
        with Run(shards(corpus, out), log, environment(root)) as run:
            assert wait_for(lambda: is_full(disk) or run.popen.poll() is not None)
            began = time.monotonic()
            assert run.wait(60) == 1, log.read_text()[-2000:]
            stopped_after_s = time.monotonic() - began
        text = log.read_text()
        assert "No space left on device" in text and str(out) in text
        records = sorted((out / "done").glob("*.json"))
        assert not (out / "_SUCCESS").exists()
        mount("-o", "remount,size=400m", str(disk))
        assert finish(shards(corpus, out), log, root) == 0
        assert difference(undisturbed, snapshot(out)) == ""
    figures(bundles_kept=len(records), stopped_after_s=stopped_after_s)
    assert stopped_after_s < STOP_S


def test_a_disk_that_becomes_read_only_stops_the_build_and_a_rerun_completes_it(
    corpus, undisturbed, tmp_path, root, figures
):
    with small_disk(tmp_path / "disk", "400m") as disk:
        log, out = tmp_path / "log", disk / "out"
        with Run(shards(corpus, out), log, environment(root)) as run:
            assert wait_for(lambda: list((out / "done").glob("*.json")))
            # A plain remount waits for open files; through a bind mount it does not.
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], capture_output=True)
            is_ro = not os.access(disk, os.W_OK) or "ro," in mount_options(disk)
            began = time.monotonic()
            if not is_ro:
                pytest.skip("the file system could not be made read-only under open files")
            code = run.wait(60)
            took_s = time.monotonic() - began
        assert code == 1, log.read_text()[-2000:]
        text = log.read_text()
        assert "Read-only file system" in text and str(out) in text
        began = time.monotonic()
        assert finish(shards(corpus, out), log, root) == 2  # at the start it is a bad setting
        refused_s = time.monotonic() - began
        mount("-o", "remount,rw", str(disk))
        assert finish(shards(corpus, out), log, root) == 0
        assert difference(undisturbed, snapshot(out)) == ""
    figures(stopped_after_s=took_s, refused_at_the_start_after_s=refused_s)
    assert took_s < STOP_S and refused_s < STOP_S


def mount_options(folder) -> str:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((f"{line[3]}," for line in lines if line[1] == str(folder)), "")


def test_sigterm_drains_within_thirty_seconds_and_the_same_command_goes_on(
    corpus, undisturbed, tmp_path, root, figures
):
    out, log = tmp_path / "out", tmp_path / "log"
    with Run(shards(corpus, out), log, environment(root)) as run:
        assert wait_for(lambda: list((out / "done").glob("*.json")))
        began = time.monotonic()
        run.popen.send_signal(signal.SIGTERM)
        code = run.wait(60)
        took_s = time.monotonic() - began
        assert run.end_of_all() == []
    assert code == 143 and "the same command goes on" in log.read_text()
    num_kept = len(list((out / "done").glob("*.json")))
    assert finish(shards(corpus, out), log, root) == 0
    assert difference(undisturbed, snapshot(out)) == ""
    figures(drained_after_s=took_s, bundles_kept=num_kept)
    assert took_s < 30


def test_a_second_driver_is_refused_and_the_first_one_is_not_disturbed(
    corpus, undisturbed, tmp_path, root, figures
):
    out, log = tmp_path / "out", tmp_path / "log"
    with Run(shards(corpus, out), log, environment(root)) as first:
        assert wait_for(lambda: first.find("worker"))
        began = time.monotonic()
        assert finish(shards(corpus, out), tmp_path / "second", root) == 2
        took_s = time.monotonic() - began
        assert first.wait(kills.RUN_S) == 0
    assert "one driver at a time" in (tmp_path / "second").read_text()
    assert difference(undisturbed, snapshot(out)) == ""
    figures(refused_after_s=took_s)


def test_a_finished_build_run_again_decodes_and_writes_nothing(
    corpus, undisturbed, tmp_path, root, figures
):
    out, log = tmp_path / "out", tmp_path / "log"
    assert finish(shards(corpus, out), log, root) == 0
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    with Run(shards(corpus, out), log, environment(root)) as run:
        assert run.wait(60) == 0
        took_s = time.monotonic() - run.started
        started = {process.command for process in run.seen}
    assert started == set(), started
    changed = [
        path.name
        for path in out.rglob("*")
        if path.is_file() and stamps.get(path) != path.stat().st_mtime_ns
    ]
    assert set(changed) <= {".driver.lock"}, changed
    figures(seconds=took_s, processes_started=len(started), files_changed=0)
    assert took_s < 5
