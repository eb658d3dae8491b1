import os
import subprocess
import sys

from shards.processes import boot, status_of


def test_a_process_is_known_by_when_it_began_and_gone_once_it_is_buried(tmp_path):
    # The name of a program may hold what else ends it.
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to(sys.executable)
    child = subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE)
    status = status_of(child.pid)
    assert status is not None
    assert (status.parent, status.session) == (os.getpid(), os.getsid(0))
    assert status.state in "RSD"
    assert status_of(child.pid).began == status.began >= status_of(os.getpid()).began
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert status_of(child.pid).state == "Z"
    child.wait()
    assert status_of(child.pid) is None


def test_a_machine_that_has_not_been_started_again_says_the_same():
    assert boot() == boot() != ""
