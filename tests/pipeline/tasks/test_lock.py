import subprocess
import sys

import pytest

from pipeline.tasks.lock import hold_output
from shards import storage


def test_a_second_driver_is_refused_and_told_who_holds_the_folder(tmp_path):
    out = str(tmp_path / "out")
    refused = pytest.raises(ValueError, match=r"one driver.*process \d+ on")
    with hold_output(out), refused, hold_output(out):
        pass
    with hold_output(out):
        pass


def test_a_killed_driver_gives_the_folder_back(tmp_path):
    out = str(tmp_path / "out")
    code = (
        "import os, signal\nfrom pipeline.tasks.lock import hold_output\n"
        f"with hold_output({out!r}): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    with hold_output(out):
        pass


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"shards\.out"), hold_output(str(tmp_path / "file/out")):
        pass


def test_the_lock_of_an_output_in_a_bucket_lies_in_it(bucket):
    out = f"{bucket}/out"
    with hold_output(out):
        assert storage.exists(f"{out}/.driver.lock")
    assert not storage.exists(f"{out}/.driver.lock")
