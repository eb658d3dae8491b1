from types import SimpleNamespace

import pytest

from pipeline.launching.find import VERB_KEY, attempts_of, launched, newest, submission_id


def details(identity: str | None, status: str = "RUNNING", **more) -> SimpleNamespace:
    values = {
        "submission_id": identity, "status": status, "metadata": {VERB_KEY: "train"},
        "driver_exit_code": None, "message": None, "start_time": 2500, "end_time": None,
    }  # fmt: skip
    return SimpleNamespace(**(values | more))


class Cluster:
    def __init__(self, *jobs: SimpleNamespace) -> None:
        self._jobs = jobs

    def list_jobs(self) -> list[SimpleNamespace]:
        return list(self._jobs)


def test_attempts_come_in_their_order_also_beyond_nine() -> None:
    cluster = Cluster(*(details(f"real-{number}") for number in (10, 9, 2, 1)))
    assert [job.attempt for job in attempts_of("real", cluster)] == [1, 2, 9, 10]


def test_a_name_that_ends_in_a_number_is_another_name() -> None:
    cluster = Cluster(details("real-1"), details("real-1-1"))
    assert [job.submission_id for job in attempts_of("real", cluster)] == ["real-1"]
    assert [job.submission_id for job in attempts_of("real-1", cluster)] == ["real-1-1"]


def test_jobs_that_others_submitted_are_none_of_ours() -> None:
    strangers = (details("raysubmit_3-4", metadata=None), details(None), details("odd"))
    assert launched(Cluster(*strangers)) == []


def test_the_newest_attempt_is_found_with_what_became_of_it() -> None:
    failed = details("real-1", "FAILED", driver_exit_code=3, end_time=4000, message="no room")
    job = newest("real", Cluster(failed), "http://head:8265")
    assert (job.is_over, job.exit_code, job.started_s, job.ended_s) == (True, 3, 2.5, 4.0)
    assert (job.verb, job.message, job.submission_id) == (
        "train",
        "no room",
        submission_id("real", 1),
    )


def test_an_unknown_name_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="got 'rael'; it knows: real"):
        newest("rael", Cluster(details("real-1")), "http://head:8265")
