import subprocess
import sys

from trainers.loop.startlimit import EXIT_CODE

PROGRAM = """
import sys, threading
from trainers.loop.startlimit import StartLimit
with StartLimit(0.3).on_worker_group_start():
    if sys.argv[1] == "hang":
        threading.Event().wait(60)
threading.Event().wait(0.6)
"""


def code(how):
    return subprocess.run([sys.executable, "-c", PROGRAM, how], timeout=100).returncode


def test_a_controller_whose_workers_do_not_come_up_ends_and_others_do_not():
    assert (code("hang"), code("start")) == (EXIT_CODE, 0)
