"""Ray's local processes lead their own groups, and only those started within."""

import os
import sys

from ray._private import services

from trainers.cluster.local_ray import out_of_our_process_group


def start_sleeper():
    return services.ConsolePopen([sys.executable, "-c", "import time; time.sleep(60)"])


def group_of(process):
    try:
        return os.getpgid(process.pid)
    finally:
        process.kill()
        process.wait()


def test_what_ray_starts_here_is_not_in_our_process_group():
    with out_of_our_process_group():
        process = start_sleeper()
    assert group_of(process) == process.pid != os.getpgid(0)


def test_afterwards_ray_starts_its_processes_as_it_did_before():
    before = services.ConsolePopen
    with out_of_our_process_group():
        assert services.ConsolePopen is not before
    assert services.ConsolePopen is before
    assert group_of(start_sleeper()) == os.getpgid(0)
