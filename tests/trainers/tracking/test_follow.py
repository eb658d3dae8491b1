import json
import threading

import pytest

from trainers.loop.metrics import cut_back
from trainers.tracking import follow
from trainers.tracking.follow import Follower


class Memory:
    """A tracker that keeps what it is sent; it can refuse."""

    def __init__(self):
        self.lines, self.failures, self.closed = [], 0, 0
        self.arrived = threading.Event()

    def send(self, lines):
        if self.failures:
            self.failures -= 1
            raise OSError("no route to host")
        self.lines += lines
        self.arrived.set()

    def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(follow, "POLL_S", 0.01)
    monkeypatch.setattr(follow, "LONGEST_PAUSE_S", 0.02)


def sent(tracker):
    return [line["step"] for line in tracker.lines]


def test_a_tracker_gets_each_line_once_whatever_is_done_again(tmp_path, write):
    path, tracker = tmp_path / "metrics.jsonl", Memory()
    write(path, [1, 2, 3, 4, 5])
    Follower([path], "memory", "there", lambda: tracker).close()
    cut_back(path, 2)
    write(path, [3, 4, 5, 6])
    write(path, [6], kind="val")
    Follower([path], "memory", "there", lambda: tracker).close()
    assert sent(tracker) == [1, 2, 3, 4, 5, 6, 6]
    assert tracker.lines[-1] == {"step": 6, "val/loss": 1 / 6, "val/lr": 0.1}
    assert tracker.closed == 2


def test_lines_are_sent_while_training_goes_on(tmp_path, write):
    path, tracker = tmp_path / "metrics.jsonl", Memory()
    follower = Follower([path], "memory", "there", lambda: tracker)
    write(path, [1])
    assert tracker.arrived.wait(20)
    follower.close()


def test_a_tracker_that_fails_gets_everything_when_it_is_back_and_training_is_not_told(
    tmp_path, caplog, write
):
    path, tracker = tmp_path / "metrics.jsonl", Memory()
    write(path, [1, 2])
    tracker.failures = 2
    follower = Follower([path], "memory", "there", lambda: tracker)
    assert tracker.arrived.wait(20)
    follower.close()
    assert sent(tracker) == [1, 2]
    assert caplog.text.count("memory cannot be reached") == 1


def test_one_that_is_away_at_the_end_is_told_and_gets_the_lines_at_the_next_attempt(
    tmp_path, caplog, write
):
    path, tracker = tmp_path / "metrics.jsonl", Memory()
    write(path, [1, 2])
    tracker.failures = 10**6
    Follower([path], "memory", "there", lambda: tracker).close()
    assert "memory does not have the last figures" in caplog.text
    tracker.failures = 0
    Follower([path], "memory", "there", lambda: tracker).close()
    assert sent(tracker) == [1, 2]


def test_one_that_never_answers_does_not_hold_up_the_end(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(follow, "CLOSE_S", 0.05)
    answer, tracker = threading.Event(), Memory()
    begin = lambda: answer.wait() and tracker  # noqa: E731
    Follower([tmp_path / "metrics.jsonl"], "memory", "there", begin).close()
    assert "memory does not have the last figures" in caplog.text
    answer.set()


def test_another_target_gets_the_run_from_its_beginning(tmp_path, write):
    path, first, second = tmp_path / "metrics.jsonl", Memory(), Memory()
    write(path, [1, 2])
    Follower([path], "memory", "there", lambda: first).close()
    Follower([path], "memory", "elsewhere", lambda: second).close()
    assert sent(second) == [1, 2]
    assert json.loads((tmp_path / "tracked-memory.json").read_text())["target"] == "elsewhere"


def test_an_evaluation_that_comes_late_from_a_log_of_its_own_is_sent_too(tmp_path, write):
    path, others, tracker = tmp_path / "metrics.jsonl", tmp_path / "evaluations.jsonl", Memory()
    write(path, [1, 2, 3])
    others.write_text('{"step": 2, "by": "beside", "eval/t2v_r10": 0.5}\n')
    for _ in range(2):
        Follower([path, others], "memory", "there", lambda: tracker).close()
    assert sent(tracker) == [1, 2, 3, 2]
