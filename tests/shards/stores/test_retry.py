import pytest

from shards.stores import retry
from shards.stores.errors import TransientError
from shards.stores.retry import LONGEST_WAIT_S, TRIES, num_retries, persistently, waiting_time


@pytest.fixture
def waits(monkeypatch):
    waited = []
    monkeypatch.setattr(retry.time, "sleep", waited.append)
    return waited


def failing(times: int):
    calls = []

    def attempt():
        calls.append(None)
        if len(calls) <= times:
            raise TransientError("the server said 503")
        return len(calls)

    return attempt


def test_a_request_is_sent_again_until_it_works_and_that_is_counted(waits):
    before = num_retries()
    assert persistently("s3://b/x", failing(3)) == 4
    assert num_retries() == before + 3
    assert len(waits) == 3


def test_tries_are_finite_and_the_message_names_path_reason_and_number(waits):
    with pytest.raises(OSError, match=f"503; tried {TRIES} times.*s3://b/x"):
        persistently("s3://b/x", failing(10**6))
    assert len(waits) == TRIES - 1
    assert sum(waits) < 60


def test_other_errors_are_not_tried_again(waits):
    def refused():
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        persistently("s3://b/x", refused)
    assert waits == []


def test_waits_grow_are_bounded_and_differ():
    longest = [max(waiting_time(number) for _ in range(200)) for number in range(1, 12)]
    assert longest == sorted(longest)[: len(longest)] or longest[-1] <= LONGEST_WAIT_S
    assert longest[3] > 4 * longest[0]
    assert max(longest) <= LONGEST_WAIT_S
    assert len({waiting_time(3) for _ in range(20)}) > 10


def test_a_server_may_ask_for_more_time_but_not_for_ever():
    assert waiting_time(1, asked_s=4.0) >= 2.0
    assert waiting_time(1, asked_s=10_000) <= LONGEST_WAIT_S
