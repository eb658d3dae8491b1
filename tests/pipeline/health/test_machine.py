import os
import time
from pathlib import Path

import pytest

from pipeline.health import machine

GIB = 2**30


def test_a_folder_that_can_be_written_is_fine_and_left_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert machine.check_folder().state == "ok"
    assert machine.check_clock().state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.tempfile, "TemporaryDirectory", refuse)
    finding = machine.check_folder()
    assert finding.state == "broken" and finding.mend


@pytest.mark.parametrize(
    ("free", "state"), [(50 * GIB, "ok"), (3 * GIB, "warn"), (GIB // 4, "broken")]
)
def test_little_disk_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": free, "total": 60 * GIB, "used": 60 * GIB - free})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: usage)
    assert machine.check_disk().state == state


def test_little_shared_memory_is_told_with_the_container_flag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = type("Usage", (), {"free": 64 * 2**20, "total": 64 * 2**20})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: usage)
    finding = machine.check_shared_memory()
    assert finding.state in ("warn", "ok")
    if Path("/dev/shm").is_dir():
        assert finding.state == "warn" and "--shm-size" in finding.mend


def test_loopback_answers_here() -> None:
    assert machine.check_loopback().state == "ok"


def test_a_machine_without_loopback_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(machine.socket, "create_connection", refuse)
    assert machine.check_loopback().state == "broken"


def test_a_clock_of_1970_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.time, "gmtime", lambda t=0: time.struct_time((1970,) + (1,) * 8))
    assert machine.check_clock().state == "broken"


def test_a_file_server_with_another_clock_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "disk_minus_wall_s", lambda folder: 90.0)
    assert machine.check_clock().state == "warn"


def test_memory_is_never_more_than_the_machine_has() -> None:
    assert 0 < machine.memory_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
