import os
import signal
import subprocess
import sys

from trainers.loop import folder
from trainers.loop.heartbeat import START, Heartbeat, read_heartbeats, remove_heartbeats


def test_the_last_beat_of_each_worker_can_be_read_and_names_process_and_machine(tmp_path):
    for worker in (1, 0):
        heartbeat = Heartbeat(tmp_path, 3, worker, node="abc")
        assert read_heartbeats(tmp_path, 3)[0]["phase"] == START
        heartbeat.beat(12, "validate")
        heartbeat.beat(13, "data")
        heartbeat.close()
    beats = read_heartbeats(tmp_path, 3)
    assert [beat["worker"] for beat in beats] == [0, 1]
    for beat in beats:
        assert (beat["step"], beat["phase"], beat["node"]) == (13, "data", "abc")
        assert beat["pid"] == os.getpid()
    assert read_heartbeats(tmp_path, 2) == []


def test_a_worker_is_starting_until_its_first_step_is_finished(tmp_path):
    heartbeat = Heartbeat(tmp_path, 1, 0)
    assert heartbeat.starting
    heartbeat.beat(40, "data")
    heartbeat.beat(40, "step")
    assert heartbeat.starting
    heartbeat.beat(41, "data")
    assert not heartbeat.starting
    heartbeat.close()


def test_a_beat_outlives_a_worker_that_is_killed_in_the_next_moment(tmp_path):
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from trainers.loop.heartbeat import Heartbeat\n"
        "heartbeat = Heartbeat(Path(sys.argv[1]), 1, 0)\n"
        "heartbeat.in_hand.stepping([5, 6])\n"
        "heartbeat.beat(7, 'step')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    [beat] = read_heartbeats(tmp_path, 1)
    assert (beat["step"], beat["phase"]) == (7, "step")


def test_files_of_older_attempts_are_removed(tmp_path):
    for attempt in (1, 2, 10):
        Heartbeat(tmp_path, attempt, 0).close()
    remove_heartbeats(tmp_path, 10)
    names = {path.name for path in (tmp_path / folder.HEARTBEATS).iterdir()}
    assert names == {"attempt-10-worker-0.json", "attempt-10-worker-0.rows"}
