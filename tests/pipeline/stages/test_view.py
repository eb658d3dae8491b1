import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pipeline import cli


@pytest.mark.usefixtures("heeded_sigint")
def test_the_page_is_served_until_it_is_interrupted(little_shards: str) -> None:
    program = Path(sys.executable).with_name("weakvid")
    command = [program, "view", little_shards, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert found is not None
        page = urllib.request.urlopen(found[0], timeout=10).read().decode()
        assert "crack the eggs" in page
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_folder_without_shards_is_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["view", str(tmp_path), "--port", "0"]) == 2
    assert "manifest.json" in capsys.readouterr().err
