import subprocess
import sys

import pytest

from pipeline.health import software


def test_this_interpreter_runs_its_ffmpeg_and_decoders() -> None:
    assert software.check_python().state == "ok"
    assert software.check_ffmpeg().found.startswith("ffmpeg version")
    assert software.check_decoders().state == "ok"


def test_an_old_python_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software.sys, "version_info", (3, 9, 0))
    assert "PYTHON=" in software.check_python().mend


def test_an_ffmpeg_that_does_not_run_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess(args, 127, "", "cannot execute binary file")

    monkeypatch.setattr(software.subprocess, "run", fail)
    finding = software.check_ffmpeg()
    assert finding.state == "broken" and "cannot execute" in finding.found


@pytest.mark.parametrize(("machine", "state"), [("x86_64", "warn"), ("aarch64", "ok")])
def test_a_missing_decord_is_told_only_where_there_is_a_wheel(
    machine: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    monkeypatch.setattr(software.platform, "machine", lambda: machine)
    assert software.check_decoders().state == state
