from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from pipeline.launching import follow as module
from pipeline.launching.find import VERB_KEY
from pipeline.launching.follow import ClusterLostError, follow, read_log, wait

LOG = "one\ntwo\nthree\nfour\n"


class Cluster:
    """A job whose log stream drops; its status is the next one at each question."""

    def __init__(self, streams: list[list[str | Exception]], statuses: list[object]) -> None:
        self._streams, self._statuses = streams, statuses
        self.num_streams = 0

    async def tail_job_logs(self, identity: str) -> AsyncIterator[str]:
        self.num_streams += 1
        for piece in self._streams.pop(0) if self._streams else []:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def get_job_info(self, identity: str) -> SimpleNamespace:
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if isinstance(status, Exception):
            raise status
        return SimpleNamespace(
            submission_id=identity, status=status, metadata={VERB_KEY: "train"},
            driver_exit_code=0, message="", start_time=1, end_time=None,
        )  # fmt: skip

    def get_job_logs(self, identity: str) -> str:
        return LOG


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.001)


def followed(cluster: Cluster) -> str:
    pieces: list[str] = []
    job, log = follow(cluster, "real-1", pieces.append)
    assert (job.status, log) == ("SUCCEEDED", LOG)
    return "".join(pieces)


def test_a_log_is_shown_once_and_whole() -> None:
    assert followed(Cluster([["one\ntwo\n", "three\nfour\n"]], ["SUCCEEDED"])) == LOG


def test_a_stream_that_ends_while_the_job_runs_is_opened_anew() -> None:
    """As seen with Ray (issue 51601): it closes, and looks as if the job were over."""
    streams = [["one\n"], ["one\n", "two\nth"], ["one\ntwo\nthree\n", "four\n"]]
    cluster = Cluster(streams, ["RUNNING", "RUNNING", "SUCCEEDED"])
    assert followed(cluster) == LOG
    assert cluster.num_streams == 3


@pytest.mark.parametrize("drop", [RuntimeError("closed"), ConnectionError("reset")])
def test_a_stream_that_breaks_is_opened_anew(drop: Exception) -> None:
    assert followed(Cluster([["one\ntwo\n", drop], [LOG]], ["RUNNING", "SUCCEEDED"])) == LOG


def test_what_the_stream_did_not_bring_is_shown_at_the_end() -> None:
    assert followed(Cluster([["one\n"]], ["SUCCEEDED"])) == LOG


def test_a_stream_that_is_silent_after_the_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.01)

    class Silent(Cluster):
        async def tail_job_logs(self, identity: str) -> AsyncIterator[str]:
            yield "one\n"
            await module.asyncio.sleep(60)

    assert followed(Silent([], ["RUNNING", "RUNNING", "SUCCEEDED"])) == LOG


def test_a_cluster_that_does_not_answer_for_a_while_is_waited_for() -> None:
    statuses = ["PENDING", ConnectionError("away"), ConnectionError("away"), "RUNNING", "SUCCEEDED"]
    seen: list[str] = []
    assert wait(Cluster([], statuses), "real-1", seen.append).status == "SUCCEEDED"
    assert seen == ["PENDING", "RUNNING", "SUCCEEDED"]


def test_a_cluster_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    with pytest.raises(ClusterLostError, match="real-1 may go on without us"):
        wait(Cluster([], [ConnectionError("away")]), "real-1", lambda status: None)


def test_a_new_head_does_not_know_the_job() -> None:
    unknown = RuntimeError("Request failed with status code 404: Job real-1 does not exist.")
    with pytest.raises(ClusterLostError, match="its head was replaced"):
        wait(Cluster([], ["RUNNING", unknown]), "real-1", lambda status: None)


def test_a_log_that_cannot_be_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(identity: str) -> str:
        raise RuntimeError("Request failed with status code 500")

    assert read_log(SimpleNamespace(get_job_logs=refuse), "real-1") == ""
    assert "the log of real-1 cannot be read" in capsys.readouterr().err
