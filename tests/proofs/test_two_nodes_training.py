"""Training on nodes with addresses of their own: cut off, given notice, added, without power.

Each run is 100 steps of a small model on two nodes; each must end with the weights of one that
nothing disturbed, bit for bit, and have its losses. A loss is reported as a sum in double
precision, whose last bit depends on how many workers add it up; nothing is computed from it.
"""

import copy
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from builds import finish, weakvid
from training import small_job, small_shards

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))
from namespaces import Machines, two_nodes

from configs.faults import FaultsConfig
from trainers.loop import folder
from trainers.loop.attempts import read_attempts
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.metrics import read_metrics

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

STEPS = 100
LIMITS = FaultsConfig(start_limit_s=120, step_limit_s=10, wait_for_workers_s=240)
CUT_S = 30.0
NOTICE_S = 20.0
REACHED_S = 240.0


class Run:
    """A run on the cluster, as `weakvid train` on its head."""

    def __init__(self, machines: Machines, config: Path, name: str) -> None:
        self.machines = machines
        self.run_dir = config.parent / "runs" / name
        self.log = config.parent / f"{name}.log"
        command = weakvid("train", "--config", str(config), "--run.name", name)
        command += ["--ray.address", machines.address]
        self.process = machines.start(machines.head, command, log=self.log)

    def events(self, kind: str) -> list[dict[str, Any]]:
        path = self.run_dir / "attempts.jsonl"
        return (
            [e for e in read_attempts(self.run_dir) if e["event"] == kind] if path.exists() else []
        )

    def step(self) -> int:
        path = self.run_dir / folder.METRICS
        lines = read_metrics(path) if path.exists() else []
        return lines[-1]["step"] if lines else 0

    def wait(self, condition: Callable[[], Any]) -> float:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < REACHED_S, self.log.read_text()[-4000:]
            assert self.process.poll() is None or condition(), self.log.read_text()[-4000:]
            time.sleep(0.05)
        return time.monotonic() - began

    def end(self) -> None:
        assert self.process.wait(REACHED_S) == 0, self.log.read_text()[-4000:]

    def weights(self) -> str:
        """Return the hash of the last checkpoint's model and optimiser."""
        state = newest_checkpoint(self.run_dir / folder.CHECKPOINTS).load()
        assert state["step"] == STEPS
        digest = hashlib.sha256()
        for name, value in sorted(flat(state["model"]) + flat(state["optimizer"])):
            data = value.numpy().tobytes() if torch.is_tensor(value) else repr(value).encode()
            digest.update(name.encode() + data)
        return digest.hexdigest()

    def losses(self) -> dict[int, float]:
        lines = [
            line for line in read_metrics(self.run_dir / folder.METRICS) if "train/loss" in line
        ]
        assert [line["step"] for line in lines] == [*range(1, STEPS + 1)]
        return {line["step"]: line["train/loss"] for line in lines}

    def compare(self, calm: "Run") -> dict[str, int]:
        """Assert that nothing of it differs from another run; return the last bits that do."""
        assert self.weights() == calm.weights()
        pairs = list(zip(self.losses().values(), calm.losses().values(), strict=True))
        assert all(math.isclose(ours, theirs, rel_tol=1e-14) for ours, theirs in pairs)
        return {"losses_equal_to_the_last_bit": sum(ours == theirs for ours, theirs in pairs)}

    def told(self) -> dict[str, object]:
        ends, resumes = self.events("end"), self.events("resume")
        return {
            "workers": [event["workers"] for event in self.events("begin")],
            "ends": [event["kind"] for event in ends],
            "steps done again": [len(event["lost_steps"]) for event in resumes],
            "said": [event["error"] for event in ends if event["error"]],
        }


def flat(tree: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(tree, dict):
        return [leaf for key in tree for leaf in flat(tree[key], f"{name}.{key}")]
    if isinstance(tree, list | tuple):
        return [leaf for n, part in enumerate(tree) for leaf in flat(part, f"{name}.{n:06}")]
    return [(name, tree)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("training")
    options = {"workers": 2, "min_workers": 1, "global_batch": 48, "virtual_ranks": 4}
    options |= {"checkpoint_every": 10, "validate_every": 10**6}
    job = small_job(small_shards(root / "shards"), root / "runs", steps=STEPS, **options)
    # Slow enough for a node to come up meanwhile.
    data = job.data.model_copy(update={"num_frames": 16, "size": 32, "resize": 36})
    video = job.model.video.model_copy(update={"width": 0.5})
    model = job.model.model_copy(update={"video": video})
    job = job.model_copy(update={"faults": LIMITS, "data": data, "model": model})
    path = root / "job.yaml"
    path.write_text(yaml.safe_dump(job.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def cluster() -> Iterator[Machines]:
    with two_nodes() as machines:
        yield machines


@pytest.fixture
def machines(cluster: Machines) -> Machines:
    """The cluster with a far node that nothing has happened to."""
    cluster.renew()
    return cluster


@pytest.fixture(scope="module")
def calm(cluster: Machines, config: Path) -> Run:
    """A run on both nodes that nothing disturbed."""
    run = Run(cluster, config, "calm")
    run.end()
    assert run.told()["workers"] == [2]
    nodes = {
        json.loads(p.read_text())["node"] for p in (run.run_dir / folder.HEARTBEATS).glob("*.json")
    }
    assert len(nodes) == 2
    return run


def test_two_nodes_have_the_losses_of_one(calm, config, root, figures) -> None:
    command = weakvid("train", "--config", str(config), "--run.name", "alone")
    command += ["--training.workers", "1"]
    assert finish(command, config.parent / "alone.log", root) == 0
    alone = copy.copy(calm)
    alone.run_dir = calm.run_dir.with_name("alone")
    figures(**alone.compare(calm))


def test_a_cut_of_30_s_is_found_and_the_run_goes_on(calm, machines, config, figures) -> None:
    run = Run(machines, config, "cut")
    run.wait(lambda: run.step() >= 25)
    machines.cut(machines.nodes[1])
    began = time.monotonic()
    found_s = run.wait(lambda: run.events("end"))
    while time.monotonic() - began < CUT_S:
        time.sleep(0.1)
    machines.heal(machines.nodes[1])
    run.end()
    figures(cut_to_end_of_attempt_s=found_s, cut_to_end_s=time.monotonic() - began, **run.told())
    figures(**run.compare(calm))


def test_a_cut_of_30_s_while_workers_start_is_got_over(calm, machines, config, figures) -> None:
    run = Run(machines, config, "start")
    run.wait(lambda: run.events("begin"))
    time.sleep(4)
    machines.cut(machines.nodes[1])
    began = time.monotonic()
    time.sleep(CUT_S)
    assert not run.events("stepping")
    machines.heal(machines.nodes[1])
    run.wait(lambda: run.events("stepping"))
    figures(healed_to_first_step_s=time.monotonic() - began - CUT_S)
    run.end()
    figures(**run.told(), **run.compare(calm))


def test_a_notice_of_20_s_costs_no_step_and_a_new_node_is_grown_into(
    calm, machines, config, figures
) -> None:
    leaving = machines.nodes[1]
    machines.node_id(leaving)
    run = Run(machines, config, "notice")
    run.wait(lambda: run.step() >= 5)
    began = time.monotonic()
    machines.drain(leaving, NOTICE_S)
    run.wait(lambda: run.events("end"))
    told_s = time.monotonic() - began
    assert told_s < NOTICE_S
    machines.remove(leaving)
    run.wait(lambda: len(run.events("begin")) == 2)
    machines.add_node()
    began = time.monotonic()
    run.wait(lambda: len(run.events("stepping")) == 3)
    figures(
        notice_to_end_of_attempt_s=told_s,
        new_node_to_first_step_with_it_s=time.monotonic() - began,
    )
    run.end()
    figures(**run.told())
    assert run.told()["workers"] == [2, 1, 2]
    assert run.told()["ends"] == ["preempted", "resized", "finished"]
    assert run.told()["steps done again"] == [0, 0, 0]
    figures(**run.compare(calm))


def test_a_node_that_loses_power_is_done_without(calm, machines, config, figures) -> None:
    run = Run(machines, config, "power")
    run.wait(lambda: run.step() >= 25)
    machines.remove(machines.nodes[1])
    began = time.monotonic()
    run.wait(lambda: len(run.events("stepping")) == 2)
    figures(power_off_to_first_new_step_s=time.monotonic() - began)
    run.end()
    figures(**run.told())
    assert run.told()["workers"] == [2, 1]
    figures(**run.compare(calm))
