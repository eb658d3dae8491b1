import subprocess
import sys

import pytest

from trainers.loop.attempts import (
    LOG,
    Fence,
    StaleAttempt,
    append_event,
    driver_lock,
    newest_attempt,
    read_attempts,
)


def test_attempts_are_numbered_by_the_log(tmp_path):
    assert newest_attempt(tmp_path) == 0
    append_event(tmp_path, 1, "begin", workers=2)
    append_event(tmp_path, 2, "begin", workers=1)
    assert newest_attempt(tmp_path) == 2
    assert [event["workers"] for event in read_attempts(tmp_path)] == [2, 1]


def test_a_fence_holds_until_a_newer_attempt_begins(tmp_path):
    append_event(tmp_path, 1, "begin")
    fence = Fence(tmp_path, 1)
    fence.check()
    append_event(tmp_path, 1, "resume")
    fence.check()
    append_event(tmp_path, 2, "begin")
    with pytest.raises(StaleAttempt, match="attempt 2"):
        fence.check()


def test_a_torn_line_loses_only_itself(tmp_path):
    append_event(tmp_path, 1, "begin")
    with (tmp_path / LOG).open("a") as file:
        file.write('{"attempt": 2, "ev')
    append_event(tmp_path, 3, "begin")
    assert [event["attempt"] for event in read_attempts(tmp_path)] == [1, 3]


def test_a_second_driver_is_refused_and_a_killed_one_holds_nothing(tmp_path):
    code = (
        "import sys, pathlib, time\n"
        "from trainers.loop.attempts import driver_lock\n"
        "with driver_lock(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match=r"run\.name"), driver_lock(tmp_path):
            pass
        other.kill()
    with driver_lock(tmp_path):
        pass
