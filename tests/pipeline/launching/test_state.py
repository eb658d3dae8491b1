from pipeline.launching.find import LaunchedJob
from pipeline.launching.state import job_lines


def job(attempt: int, status: str, code: int | None, ended_s: float | None) -> LaunchedJob:
    return LaunchedJob("real", attempt, status, "train", "/runs/real", code, "", 100.0, ended_s)


def test_the_newest_attempt_comes_first_with_how_long_it_has_run() -> None:
    jobs = [job(1, "FAILED", 1, 160.0), job(2, "RUNNING", None, None)]
    first, second = job_lines(jobs, now_s=220.0)
    assert first.startswith("job       real-2: train, RUNNING, for ")
    assert second.startswith("          real-1: train, FAILED, exit code 1, after ")


def test_many_attempts_are_counted_not_listed() -> None:
    lines = job_lines([job(n, "FAILED", 1, 160.0) for n in range(1, 8)], now_s=220.0)
    assert len(lines) == 5
    assert lines[-1] == "          and 3 attempts before"


def test_a_cluster_that_knows_no_such_job_says_so() -> None:
    assert job_lines([]) == [
        "job       none of this name: the cluster is new, or it was not launched there"
    ]
