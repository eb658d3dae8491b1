"""Jobs on a real head that asks for a token; most run a stand-in for the verb, which is quick."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline import cli

pytestmark = pytest.mark.ray

LAUNCH = ("launch", "report", "shards", "--name")


@pytest.fixture
def here(ray_as_before, head, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project is the working directory, and the environment that of the head's friend."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(cli, "set_up_logging", lambda: None)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, head.environment[name])
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")  # --address is stronger
    return project


def launch(head, project: Path, wanted: str, name: str, *words: str) -> int:
    (project / "wanted").write_text(wanted)
    return cli.main([*LAUNCH, name, "--address", head.url, *words])


def test_exit_code_and_log_of_each_attempt_come_back(head, here, capsys) -> None:
    assert launch(head, here, "3", "short", "--follow") == 3
    first = capsys.readouterr()
    assert first.out.count("verb report line one\n") == 1
    assert "short-1 is done, with too many rejects" in first.err
    assert launch(head, here, "0", "short") == 0
    assert "short-2 is done" in capsys.readouterr().out
    assert cli.main(["logs", "short", "--attempt", "1", "--address", head.url]) == 0
    assert "job short-1 ends with exit code 3" in capsys.readouterr().out


@pytest.mark.usefixtures("heeded_sigint")
def test_a_job_outlives_ctrl_c_keeps_its_name_and_drains_when_it_is_stopped(
    head, here, capsys, monkeypatch
) -> None:
    (here / "wanted").write_text("drain")
    words = [head.program, *LAUNCH, "long", "--address", head.url, "--follow"]
    follower = subprocess.Popen(
        words, cwd=here, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=head.environment,
    )  # fmt: skip
    assert follower.stdout is not None
    while "line one" not in follower.stdout.readline():
        assert follower.poll() is None
    follower.send_signal(signal.SIGINT)
    _, said = follower.communicate(timeout=60)
    assert follower.returncode == 130, said
    assert "weakvid stop long" in said

    assert launch(head, here, "0", "long") == 2
    assert "long-1 (report) is RUNNING" in capsys.readouterr().err

    # On the cluster itself Ray names no HTTP server.
    monkeypatch.setenv("RAY_ADDRESS", head.gcs)
    assert cli.main(["stop", "long"]) == 0
    assert "long-1 stopped cleanly (exit code 143)" in capsys.readouterr().out
    assert cli.main(["logs", "long"]) == 0
    assert "draining" in capsys.readouterr().out


def test_who_has_not_the_token_is_refused(head, here, tmp_path, capsys, monkeypatch) -> None:
    other = tmp_path / "other"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(other))
    assert launch(head, here, "0", "stranger") == 2
    assert "copy the token" in capsys.readouterr().err
    other.touch(0o600)
    other.write_text("0" * 64)
    assert launch(head, here, "0", "stranger") == 2
    assert "must be given its own token" in capsys.readouterr().err
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(head.token))
    assert cli.main(["logs", "stranger", "--address", head.url]) == 2
    assert "must know a job of this name" in capsys.readouterr().err


def test_an_address_where_nothing_answers_is_told_with_the_cure(here, capsys) -> None:
    assert cli.main([*LAUNCH, "lost"]) == 2
    assert "ssh -N -L 8265:127.0.0.1:8265 HEAD" in capsys.readouterr().err


@pytest.mark.slow
def test_a_job_that_does_not_drain_in_time_is_killed_and_it_is_said(head, here, capsys) -> None:
    assert launch(head, here, "hang", "deaf", "--no-wait", "--grace", "1") == 0
    for _ in range(60):
        cli.main(["logs", "deaf", "--address", head.url])
        if "line one" in capsys.readouterr().out:
            break
        time.sleep(0.5)
    assert cli.main(["stop", "deaf", "--address", head.url]) == 1
    assert "deaf-1 was killed" in capsys.readouterr().out


@pytest.mark.slow
def test_a_real_verb_writes_where_its_relative_path_points_from_here(
    head, little_shards, here, capsys
) -> None:
    """The job runs in a folder of Ray's own, which goes with the cluster."""
    shutil.rmtree(here / "pipeline")
    shutil.copytree(little_shards, here / "shards")
    assert cli.main([*LAUNCH, "real", "--address", head.url, "--follow"]) == 0
    assert f"report: {here}/shards/report.html" in capsys.readouterr().out
    assert (here / "shards" / "report.html").is_file()
