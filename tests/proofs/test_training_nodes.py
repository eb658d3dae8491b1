"""Training on Ray over two nodes: a worker is killed, one is frozen, nodes leave, come and die."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from training import small_job, small_shards

from configs.faults import FaultsConfig
from trainers.loop import folder
from trainers.loop.attempts import read_attempts
from trainers.loop.group import RAY_SETTINGS, RayGroup
from trainers.loop.heartbeat import read_heartbeats
from trainers.loop.interrupts import Interrupts
from trainers.loop.launch import train_attempts
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import prepare

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1200)]

STEPS = 100_000
LIMITS = FaultsConfig(start_limit_s=120, step_limit_s=10, wait_for_workers_s=120)
REACHED_S = 240.0


class Chaos:
    """What happens to the nodes and workers of a run, one after the other."""

    def __init__(self, cluster, run_dir):
        self.cluster, self.run_dir = cluster, run_dir
        self.figures = {}

    def run(self, other):
        self.reach(attempt=1, workers=2)
        self.signal(1, worker=1, number=signal.SIGKILL)
        self.figures["SIGKILL to first new step, s"] = self.recover(2, workers=2)
        self.signal(2, worker=0, number=signal.SIGSTOP)
        self.figures["SIGSTOP to first new step, s"] = self.recover(3, workers=2)
        began = time.monotonic()
        drain(other)
        self.wait(lambda: self.ended(3))
        self.figures["notice to checkpoint and end, s"] = time.monotonic() - began
        self.reach(attempt=4, workers=1)
        self.cluster.remove_node(other, allow_graceful=True)
        third = self.cluster.add_node(num_cpus=1)
        self.figures["new node to first step with it, s"] = self.recover(5, workers=2)
        began = time.monotonic()
        self.cluster.remove_node(third, allow_graceful=False)
        self.figures["node's death to first new step, s"] = self.recover(6, workers=1)

    def signal(self, attempt, worker, number):
        [pid] = [b["pid"] for b in read_heartbeats(self.run_dir, attempt) if b["worker"] == worker]
        os.kill(pid, number)

    def recover(self, attempt, workers):
        began = time.monotonic()
        self.reach(attempt, workers)
        return time.monotonic() - began

    def reach(self, attempt, workers):
        """Wait until an attempt with as many workers has done some steps."""
        self.wait(lambda: self.events(attempt, "stepping"))
        [begin] = self.events(attempt, "begin")
        assert begin["workers"] == workers, read_attempts(self.run_dir)
        first = self.events(attempt, "stepping")[0]["step"]
        self.wait(lambda: read_metrics(self.run_dir / folder.METRICS)[-1]["step"] > first + 8)

    def ended(self, attempt):
        return self.events(attempt, "end")

    def events(self, attempt, kind):
        events = read_attempts(self.run_dir)
        return [e for e in events if e["attempt"] == attempt and e["event"] == kind]

    def wait(self, condition):
        deadline = time.monotonic() + REACHED_S
        while not condition():
            assert time.monotonic() < deadline, read_attempts(self.run_dir)
            time.sleep(0.05)


def drain(node):
    """Give a node notice, as a cloud's preemption does."""
    ray = Path(sys.executable).with_name("ray")
    words = [ray, "drain-node", "--address", os.environ["RAY_ADDRESS"], "--node-id", node.node_id]
    words += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "proof"]
    words += ["--deadline-remaining-seconds", "60"]
    subprocess.run(words, check=True, timeout=60)


@pytest.fixture
def cluster(monkeypatch):
    import ray
    from ray.cluster_utils import Cluster

    for name, value in RAY_SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_workers_and_nodes_come_and_go_and_the_run_goes_on(cluster, tmp_path, figures):
    import ray

    other = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    options = {"workers": 2, "min_workers": 1, "checkpoint_every": 20, "validate_every": 10**6}
    shards = small_shards(tmp_path / "shards")
    job = small_job(shards, tmp_path, steps=STEPS, **options)
    preparation = prepare(job.model_copy(update={"faults": LIMITS}))
    run_dir = preparation.run_dir
    chaos = Chaos(cluster, run_dir)
    with Interrupts(run_dir / folder.STOP) as interrupts:
        words = (preparation, interrupts, RayGroup(preparation.job))
        thread = threading.Thread(target=train_attempts, args=words)
        thread.start()
        # Nodes can be added in the main thread only, and they take SIGTERM for themselves.
        try:
            chaos.run(other)
        finally:
            interrupts.install()
            os.kill(os.getpid(), signal.SIGTERM)
            thread.join()
    events = read_attempts(run_dir)
    kinds = [event["kind"] for event in events if event["event"] == "end"]
    lost = [len(event["lost_steps"]) for event in events if event["event"] == "resume"]
    said = [event["error"] for event in events if event["event"] == "end" and event["error"]]
    figures(ends=str(kinds), steps_lost_at_each_resume=str(lost), said=str(said), **chaos.figures)
    assert kinds == ["killed", "hang", "preempted", "resized", "killed", "stopped"]
    # A node with notice and a larger group cost no step.
    assert lost[3] == lost[4] == 0
    steps = [
        line["step"] for line in read_metrics(run_dir / folder.METRICS) if "train/loss" in line
    ]
    assert steps == [*range(1, steps[-1] + 1)]
