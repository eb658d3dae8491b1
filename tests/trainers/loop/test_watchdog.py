import json
import subprocess
import sys

from trainers.loop.attempts import read_attempts
from trainers.loop.watchdog import EXIT_CODE

PROCESS = """
import re, sys, time
from pathlib import Path
import torch
from configs.faults import FaultsConfig
from trainers import waits
from trainers.loop import watchdog
from trainers.loop.desk import Desk

watchdog._GRACE_S = 1.0
limits = FaultsConfig(start_limit_s=30.0, step_limit_s=0.5)

def look_for_the_lost_key(seconds):
    time.sleep(seconds)

def think_without_end():
    re.match("(a+)+$", "a" * 40 + "b")

def wait_for_others(seconds):
    with waits.waiting(torch.device("cpu")):
        look_for_the_lost_key(seconds)

with watchdog.watched(Desk(Path(sys.argv[1]), 2, 1), limits) as heartbeat:
    time.sleep(1.2)  # longer than a phase may take once the first step is done
    heartbeat.beat(8, "data")
    heartbeat.beat(9, "step")
    time.sleep(0.2)
    eval(sys.argv[2])
"""


def run(tmp_path, call):
    command = [sys.executable, "-c", PROCESS, str(tmp_path), call]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def stacks(tmp_path):
    return (tmp_path / "logs" / "attempt-2-worker-1.stacks").read_text()


def test_a_worker_stuck_in_python_ends_with_its_stacks_and_says_where(tmp_path):
    assert run(tmp_path, "look_for_the_lost_key(30)").returncode == EXIT_CODE
    assert "look_for_the_lost_key" in stacks(tmp_path)
    [event] = read_attempts(tmp_path)
    assert (event["event"], event["worker"], event["attempt"]) == ("hang", 1, 2)
    assert (event["step"], event["phase"]) == (9, "step")
    assert 0.5 <= event["silent_s"] < 10
    assert event["stacks"] == "logs/attempt-2-worker-1.stacks"


def test_a_worker_that_keeps_the_interpreter_to_itself_ends_too(tmp_path):
    assert run(tmp_path, "think_without_end()").returncode == 1
    assert "think_without_end" in stacks(tmp_path)


def test_who_waits_for_others_or_is_still_starting_is_not_stuck(tmp_path):
    done = run(tmp_path, "wait_for_others(1.2)")
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "logs").iterdir())
    assert json.dumps(read_attempts(tmp_path)) == "[]"
