"""Planted secrets are in the environment of a cluster and its client, and nowhere else.

A cluster is started by `weakvid cluster start`, and shards, a training run and a report are sent
there by `weakvid launch`. Then all that was written is searched, and what ran was watched.
"""

import json
import secrets
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from clusters import Cluster

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SMALL = "--training.global-batch 16 --training.virtual-ranks 2 --training.workers 1".split()
NAMES = (
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "WANDB_API_KEY", "MLFLOW_TRACKING_PASSWORD"),
    "RAY_AUTH_TOKEN",
)


class Watch(threading.Thread):
    """Reads the command line of every process, again and again."""

    def __init__(self, words: list[str]) -> None:
        super().__init__(daemon=True)
        self.words, self.ends = [word.encode() for word in words], threading.Event()
        self.seen: set[int] = set()
        self.told: set[str] = set()

    def run(self) -> None:
        while not self.ends.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                self.seen.add(int(path.parent.name))
                if any(word in line for word in self.words):
                    self.told.add(line.decode(errors="replace"))


def bytes_with(folder: Path, words: list[str]) -> tuple[int, list[str]]:
    """Return how many files there are, and which hold one of the words, in name or bytes."""
    found, count = [], 0
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        count += 1
        data = path.read_bytes() + str(path).encode()
        if any(word.encode() in data for word in words):
            found.append(str(path))
    return count, found


def asked(url: str, token: str) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    return urllib.request.urlopen(request, timeout=30).read().decode()


def test_planted_secrets_are_in_no_file_no_command_line_and_no_answer(tmp_path, figures):
    planted = {name: secrets.token_hex(32) for name in NAMES}
    hidden = secrets.token_hex(32)
    words = [*planted.values(), hidden]
    # Nobody answers there, which is told: without the address.
    planted["WEAKVID_WEBHOOK_URL"] = f"http://127.0.0.1:9/{hidden}"
    watch = Watch(words)
    watch.start()
    cluster = Cluster(tmp_path, planted)
    try:
        cluster.head(cpus=2)
        cluster.run("demo-corpus", "--out", "videos", "--videos", "6")
        launch = ("--address", cluster.url, "--follow")
        shards = ["shards", "--sources.path", "videos", "--shards.out", "out"]
        train = ["train", "--data.shards", "out", "--run.name", "real", *SMALL]
        for verb, *settings in (
            shards,
            [*train, "--training.steps", "2"],
            ["report", "--preset", "local", "--run.name", "real"],
        ):
            cluster.run("launch", verb, *launch, *settings)
        cluster.run("cluster", "status")
        jobs = asked(f"{cluster.url}/api/jobs/", planted["RAY_AUTH_TOKEN"])
        assert len(json.loads(jobs)) == 3
        time.sleep(1)  # logs are written behind
        written, in_files = bytes_with(cluster.base, words)
        made, in_output = bytes_with(tmp_path, words)
    finally:
        watch.ends.set()
        cluster.end()
    said = [jobs, *cluster.said]
    assert (tmp_path / "runs" / "real" / "report.html").is_file()
    assert in_files == [] and in_output == []
    assert watch.told == set()
    assert not [one for one in said if any(word in one for word in words)]
    figures(
        secrets=len(words),
        files_of_ray=written,
        files_of_output=made,
        processes=len(watch.seen),
        found=0,
    )
