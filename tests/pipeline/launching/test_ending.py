import pytest

from pipeline.launching.ending import ending_text, exit_code, last_line
from pipeline.launching.find import LaunchedJob


def job(status: str, code: int | None = None) -> LaunchedJob:
    return LaunchedJob("real", 2, status, "train", "/runs/real", code, "", 1.0, 2.0)


@pytest.mark.parametrize(("code", "ours"), [(0, 0), (1, 1), (2, 2), (3, 3), (130, 130), (-9, 137)])
def test_the_exit_code_is_what_ray_knows(code: int, ours: int) -> None:
    assert exit_code(job("FAILED", code), "") == ours


def test_of_a_stopped_job_the_code_is_what_it_told_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAKVID_JOB", "real-2")
    log = f"step 3\n{last_line(1)}\nmore\n{last_line(143)}\n"
    assert exit_code(job("STOPPED"), log) == 143


def test_what_another_job_told_does_not_count() -> None:
    log = "weakvid: job real-1 ends with exit code 143\nx weakvid: job real-2 ends with exit code 0"
    assert exit_code(job("STOPPED"), log) == 137


def test_a_job_that_the_cluster_could_not_run_has_failed() -> None:
    assert exit_code(job("FAILED"), "") == 1


def test_only_a_launched_verb_tells_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEAKVID_JOB", raising=False)
    assert last_line(0) is None


def test_each_ending_says_what_to_do() -> None:
    assert "goes on from what is committed" in ending_text(job("STOPPED"), 143)
    assert "python" in ending_text(job("FAILED"), 127)
    assert "exit code 9" in ending_text(job("FAILED"), 9)
