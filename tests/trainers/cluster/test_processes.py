"""A node is ended by the ids of its own processes, whatever they do; others are left alone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from trainers.cluster.processes import Process, end, family, process

CHILD = """
import signal, time
signal.signal(signal.SIGTERM, {on})
print("up", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys
child = [sys.executable, "-c", {child!r}]
subprocess.run(child, start_new_session=True)
"""


def start(program, **more):
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, **more)


@pytest.fixture
def tree():
    """A process in its own session, with a child that has left it and will not listen."""
    child = CHILD.format(on="signal.SIG_IGN")
    first = start(PARENT.format(child=child), start_new_session=True)
    first.stdout.readline()
    yield first
    for one in family(process(first.pid)) if first.poll() is None else ():
        one.send(signal.SIGKILL)
    first.kill()
    first.wait()


def test_a_child_that_left_the_session_belongs_to_the_family(tree):
    assert len(family(process(tree.pid))) == 2


def test_all_of_a_family_is_gone_afterwards_and_nobody_else(tree):
    stranger = start(CHILD.format(on="signal.SIG_DFL"))
    stranger.stdout.readline()
    known = family(process(tree.pid))
    assert end(process(tree.pid), grace_s=0.5) == 1
    deadline = time.monotonic() + 10
    while any(one.is_alive for one in known) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(one.is_alive for one in known)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_process_that_has_the_id_of_one_that_ended_is_not_touched():
    me = process(os.getpid())
    before = Process(me.pid, me.began - 1)
    assert me.is_alive and not before.is_alive
    assert family(before) == set()
    assert end(before, grace_s=0.1) == 0
