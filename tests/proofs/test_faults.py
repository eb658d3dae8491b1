"""Faults of the disk, the driver and the nodes: what a build says, and that a rerun ends well."""

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import time
from array import array
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


@contextlib.contextmanager
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


def test_a_full_disk_stops_the_build_and_a_rerun_completes_it(
    corpus, undisturbed, tmp_path, root, figures
):
    with small_disk(tmp_path / "disk", "400m") as disk:
        log, out, ballast = tmp_path / "log", disk / "out", disk / "ballast"
        with Run(shards(corpus, out), log, environment(root)) as run:
            assert wait_for(lambda: list((out / "done").glob("*.json")))
            fill(ballast)
            began = time.monotonic()
            assert run.wait(60) == 1, log.read_text()[-2000:]
            stopped_after_s = time.monotonic() - began
        text = log.read_text()
        assert "No space left on device" in text and str(out) in text
        num_kept = len(list((out / "done").glob("*.json")))
        assert not (out / "_SUCCESS").exists()
        ballast.unlink()
        assert finish(shards(corpus, out), log, root) == 0
        assert difference(undisturbed, snapshot(out)) == ""
    figures(bundles_kept=num_kept, stopped_after_s=stopped_after_s)
    assert 0.01 < stopped_after_s < STOP_S


def fill(path: Path) -> None:
    """Write until the disk is full to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def test_a_folder_that_can_no_longer_be_written_stops_the_build_and_a_rerun_completes_it(
    corpus, undisturbed, tmp_path, root, figures
):
    with small_disk(tmp_path / "disk", "400m") as disk:
        log, out = tmp_path / "log", disk / "out"
        with Run(shards(corpus, out), log, environment(root)) as run:
            assert wait_for(lambda: list((out / "done").glob("*.json")))
            # No file system can be remounted read-only under open files; this is as good.
            set_immutable(out / "_tmp", on=True)
            began = time.monotonic()
            code = run.wait(60)
            stopped_after_s = time.monotonic() - began
        set_immutable(out / "_tmp", on=False)
        assert code == 1, log.read_text()[-2000:]
        assert "Operation not permitted" in log.read_text() and str(out) in log.read_text()

        mount("-o", "remount,ro", str(disk))
        began = time.monotonic()
        assert finish(shards(corpus, out), tmp_path / "ro.log", root) == 2
        refused_after_s = time.monotonic() - began
        text = (tmp_path / "ro.log").read_text()
        assert "Read-only file system" in text and str(out) in text

        mount("-o", "remount,rw", str(disk))
        assert finish(shards(corpus, out), log, root) == 0
        assert difference(undisturbed, snapshot(out)) == ""
    figures(stopped_after_s=stopped_after_s, refused_at_the_start_after_s=refused_after_s)
    assert stopped_after_s < STOP_S and refused_after_s < STOP_S / 2


def set_immutable(folder: Path, *, on: bool) -> None:
    """What `chattr +i` does: nothing can be made in the folder, not even by root."""
    get_flags, set_flags, immutable = 0x80086601, 0x40086602, 0x10
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flags = array("i", [0])
        fcntl.ioctl(descriptor, get_flags, flags)
        flags[0] = flags[0] | immutable if on else flags[0] & ~immutable
        fcntl.ioctl(descriptor, set_flags, flags)
    finally:
        os.close(descriptor)


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


def test_workers_killed_for_memory_are_finite_and_a_full_machine_is_no_fault_of_sources(
    corpus, tmp_path, root, figures
):
    few = tmp_path / "videos"
    few.mkdir()
    for video in sorted(corpus.glob("*.mp4"))[-8:]:
        for path in (video, video.with_suffix(".vtt")):
            shutil.copy2(path, few / path.name)
    out, log = tmp_path / "out", tmp_path / "log"
    began = time.monotonic()
    # Ray's memory monitor takes the machine for full whatever is on it.
    full = {"RAY_memory_usage_threshold": "0.01", "RAY_memory_monitor_refresh_ms": "250"}
    assert finish(shards(few, out), log, root, **full) == 1
    took_s = time.monotonic() - began
    text = log.read_text()
    assert "low on memory" in text and "5 sources in a row failed (E_OOM)" in text
    assert not (out / "quarantine.json").exists()
    assert finish(shards(few, out), log, root) == 0
    figures(ended_after_s=took_s)


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
    before_s = cpu_of_children_s()
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
    cpu_s = cpu_of_children_s() - before_s
    figures(seconds=took_s, cpu_seconds=cpu_s, processes_started=len(started), files_changed=0)
    # Of the CPU, so that a busy machine proves nothing else.
    assert cpu_s < 5


def cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
