"""The whole job through `weakvid launch`, from a machine outside of a cluster of two nodes.

Sent over HTTP with the token of the cluster; a machine without the token is refused. Then the head
is killed with the driver on it: on a new cluster, the same command goes on.
"""

import os
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))
from namespaces import NETWORK, Machines, start_head, two_nodes

pytestmark = [pytest.mark.slow, pytest.mark.ray]

BIN = Path(sys.executable).parent
ASK = "import sys, urllib.request as r; r.urlopen(sys.argv[1] + '/api/jobs/', timeout=10)"
SHARDS = "--clips.short-side 96 --shards.sources-per-bundle 2".split()
TRAIN = "--training.global-batch 16 --training.virtual-ranks 2 --training.workers 2".split()
STEPS = 40


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    path = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    with two_nodes(cpus=2, dashboard_host=f"{NETWORK}.2", environment=path) as machines:
        yield machines


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


def launch(machines: Machines, *words: str) -> list[str]:
    return [str(BIN / "weakvid"), "launch", *words, "--address", machines.dashboard]


def train(storage: Path) -> list[str]:
    words = ["train", "--data.shards", str(storage / "out"), "--run.root", str(storage / "runs")]
    words += ["--run.name", "real", "--training.steps", str(STEPS)]
    return [*words, *TRAIN, "--training.checkpoint-every", "5"]


def test_shards_go_through_the_cluster_and_a_stranger_does_not(
    machines: Machines, storage: Path, test_data: Path, figures
) -> None:
    stranger = {"RAY_AUTH_TOKEN_PATH": str(storage / "none")}
    words = ["shards", "--sources.path", str(test_data / "narrated"), *SHARDS]
    words += ["--shards.out", str(storage / "out")]
    code, said = machines.run(machines.outside, launch(machines, *words), **stranger)
    assert (code, "copy the token" in said) == (2, True), said
    code, said = machines.run(machines.outside, [sys.executable, "-c", ASK, machines.dashboard])
    assert (code, urllib.error.HTTPError.__name__ in said, "401" in said) == (1, True, True), said

    began = time.monotonic()
    code, said = machines.run(machines.outside, launch(machines, *words, "--follow"))
    assert code == 0, said
    code, said = machines.run(machines.outside, launch(machines, *words, "--follow"))
    assert (code, "out-2 is done" in said) == (0, True), said
    figures(seconds_of_both_launches=round(time.monotonic() - began), nodes=len(machines.nodes))


def test_a_run_whose_head_is_killed_goes_on_with_a_new_one(
    machines: Machines, storage: Path, figures
) -> None:
    code, said = machines.run(machines.outside, launch(machines, *train(storage), "--no-wait"))
    assert code == 0, said
    metrics = storage / "runs" / "real" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not metrics.exists() or metrics.read_text().count("\n") < 8:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for node in machines.nodes:
        machines.kill(node)
    done = metrics.read_text().count("\n")
    assert done < STEPS
    start_head(machines, machines.plug_in("new-head"), cpus=2, dashboard_host=f"{NETWORK}.4")
    code, said = machines.run(
        machines.outside, launch(machines, *train(storage), "--follow"), timeout_s=230
    )
    assert code == 0, said
    assert "going on from step" in said
    assert "real-1 is done" in said  # the new cluster counts from 1 again
    figures(steps=STEPS, steps_seen_before_the_kill=done)


def test_figures_and_report_are_launched_by_the_name_of_the_run(
    machines: Machines, storage: Path
) -> None:
    for verb, attempt in (("evaluate", 2), ("report", 3)):
        words = [
            verb,
            "--preset",
            "local",
            "--run.root",
            str(storage / "runs"),
            "--run.name",
            "real",
        ]
        code, said = machines.run(machines.outside, launch(machines, *words, "--follow"))
        assert (code, f"real-{attempt} is done" in said) == (0, True), said
    assert (storage / "runs" / "real" / "report.html").is_file()
