import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shards.stores import scratch
from shards.stores.scratch import own_folder, reserved, sweep, use_scratch

# Makes its folder and a file in it, says so, and waits to be killed.
HOLD = """
import sys
from shards.stores.scratch import reserved, use_scratch
use_scratch(sys.argv[1])
with reserved(int(sys.argv[2]), 1000) as path:
    print(path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def base(tmp_path):
    use_scratch(str(tmp_path))
    yield tmp_path / f"weakvid-{os.getuid()}"
    use_scratch("")


def holder(base: Path, num_bytes: int) -> tuple[subprocess.Popen, Path]:
    command = [sys.executable, "-c", HOLD, str(base.parent), str(num_bytes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().strip())


def test_a_process_has_one_folder_that_only_its_user_can_read(base):
    assert own_folder() == own_folder()
    assert own_folder().parent == base
    assert base.stat().st_mode & 0o777 == own_folder().stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_goes_and_what_a_living_one_holds_stays(base):
    living, kept = holder(base, 300)
    dead, left = holder(base, 400)
    assert [kept.stat().st_size, left.stat().st_size] == [300, 400]
    dead.kill()
    dead.wait()
    sweep()
    assert kept.exists() and not left.parent.exists()
    living.communicate()
    assert not kept.exists()


def test_a_second_file_waits_until_both_fit(base):
    order = []

    def second():
        with reserved(600, 1000):
            order.append("second")

    with reserved(600, 1000) as path:
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first is done")
        assert sum(file.stat().st_size for file in base.glob("*/fetched-*")) == 600
        assert path.stat().st_blocks == 0, "the room is a hole until it is filled"
    thread.join(10)
    assert order == ["first is done", "second"]


def test_room_that_a_killed_process_held_is_free_again(base):
    process, _ = holder(base, 600)
    process.kill()
    process.wait()
    with reserved(600, 1000):
        pass


def test_a_file_larger_than_the_quota_is_refused_at_once(base):
    with pytest.raises(ValueError, match=r"shards\.scratch_bytes.*got 10.*11"), reserved(11, 10):
        pass


def test_a_folder_of_somebody_else_is_not_used(base, monkeypatch):
    base.symlink_to(base.parent / "elsewhere")
    (base.parent / "elsewhere").mkdir()
    with pytest.raises(PermissionError, match=r"shards\.scratch"):
        own_folder()


def test_a_fork_makes_a_folder_of_its_own(base):
    mine = own_folder()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, str(scratch.own_folder()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 4096).decode() != str(mine)
