"""Each command of docs/operating.md that asks a cluster, on a real head with a real job.

The others are run by tests/docs/test_operating.py, beside a folder with what the page speaks of.
"""

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.ray]

PLACE = "http://HEAD:8265"
TRAIN = "--preset demo --data.shards data/real --run.name real --training.steps 2000".split()
TRAIN += ["--training.global-batch", "32"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, {})
    try:
        cluster.head(2)
        yield cluster
    finally:
        cluster.end()


def commands(root: Path) -> list[str]:
    """Return the page's commands for a cluster, each once, `stop` at the end."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (root / "docs" / "operating.md").read_text(), re.M | re.S
    )
    lines = {line for block in blocks for line in block.splitlines()}
    asked = [line for line in lines if PLACE in line or line.startswith("weakvid cluster")]
    return sorted([*asked, "weakvid doctor"], key=lambda line: (" stop " in line, line))


def test_each_command_for_a_cluster_runs_as_it_stands(
    cluster: Cluster, root: Path, figures
) -> None:
    cluster.run("demo-corpus", "--out", "videos", "--videos", "12")
    cluster.run("shards", "--sources.path", "videos", "--shards.out", "data/real")
    launch = ["launch", "train", "--address", cluster.url, *TRAIN, "--ray.address", "auto"]
    cluster.run(*launch, "--no-wait")
    metrics = cluster.folder / "runs" / "real" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists():
        assert time.monotonic() < deadline, cluster.run("logs", "real", "--address", cluster.url)
        time.sleep(0.2)

    said = {
        line: cluster.run(*shlex.split(line.replace(PLACE, cluster.url))[1:])
        for line in commands(root)
    }
    told = {line.split()[1]: text for line, text in said.items()}
    assert set(told) == {"cluster", "doctor", "logs", "status", "stop"}
    assert "real-1 (train): running" in told["status"], told["status"]
    assert "step" in told["logs"], told["logs"]
    assert f"{cluster.address}: asks for a token" in told["cluster"], told["cluster"]
    assert "stopped cleanly (exit code 143)" in told["stop"], told["stop"]
    figures(commands=len(said), steps_when_stopped=metrics.read_text().count('"train/loss"'))
