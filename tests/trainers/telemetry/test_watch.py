import time

import pytest

from configs.operating import OperatingConfig
from trainers.telemetry import watch
from trainers.telemetry.watch import Watch, note_progress


class Hook:
    def __init__(self, url):
        self.told = []
        hooks.append(self)

    def tell(self, message):
        self.told.append(message)

    def close(self):
        self.is_closed = True


hooks: list[Hook] = []


@pytest.fixture
def told(monkeypatch):
    """What the webhook of the next watch is told."""
    hooks.clear()
    monkeypatch.setattr(watch, "find_url", lambda: "https://hooks.example/x")
    monkeypatch.setattr(watch, "Webhook", Hook)
    monkeypatch.setattr(watch, "LOOK_S", 0.01)
    return lambda: [message["event"] for message in hooks[0].told]


def watched(stall_s=60.0, *, gets_on=True):
    return Watch(OperatingConfig(stall_s=stall_s), "train", "real", gets_on=gets_on)


@pytest.mark.parametrize(
    ("code", "event"),
    [(0, "finished"), (3, "too_many_rejects"), (143, "stopped"), (130, "stopped"), (1, "failed")],
)
def test_an_end_is_told_by_what_the_exit_code_means(told, code, event):
    with watched() as one:
        assert one.ended(code) == code
    assert told() == [event]
    message = hooks[0].told[0]
    assert message["run"] == "real" and message["stage"] == "train"
    assert message["text"].startswith("weakvid train real on ") and event in message["text"]
    assert hooks[0].is_closed


def test_an_error_is_told_and_raised_on(told):
    with pytest.raises(RuntimeError), watched():
        raise RuntimeError("the disk is full")
    assert told() == ["failed"]
    assert hooks[0].told[0]["reason"] == "RuntimeError: the disk is full"


def test_a_stall_is_told_once_and_so_is_its_end(told, caplog):
    with watched(stall_s=0.05) as one:
        _wait_for(lambda: told() == ["stalled"])
        time.sleep(0.1)
        note_progress(("step", 1))
        _wait_for(lambda: "going_on" in told())
        one.ended(0)
    events = [event for event in told() if event != "finished"]
    # The machine may be slow enough for another stall before the end.
    assert events[:2] == ["stalled", "going_on"]
    assert "no progress for" in caplog.text


def test_saying_the_same_again_is_no_progress(told):
    with watched(stall_s=0.05) as one:
        until = time.monotonic() + 5
        while "stalled" not in told() and time.monotonic() < until:
            note_progress(("step", 7))
        one.ended(0)
    assert told()[0] == "stalled"


def test_a_verb_that_notes_no_progress_cannot_stall(told):
    with watched(stall_s=0.01, gets_on=False) as one:
        time.sleep(0.1)
        one.ended(0)
    assert told() == ["finished"]


def test_without_an_address_nobody_is_told(monkeypatch):
    monkeypatch.setattr(watch, "find_url", lambda: None)
    with watched() as one:
        assert one.ended(0) == 0


def _wait_for(is_so):
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)
