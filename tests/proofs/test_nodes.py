"""A cluster whose nodes die or freeze, and a network that loses messages: the same bytes."""

import json
import signal
import time
from contextlib import contextmanager

import kills
import pytest
from builds import environment, finish, shards
from kills import Process, Run, below, difference, snapshot

from trainers.cluster.token import ensure_token

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

FROZEN_S = 90.0
HASTE = ("--shards.overdue-s", "10", "--sources.limits.deadline-s", "20")
"""Deadlines that give up a frozen node before Ray does, after about 60 s."""


@contextmanager
def two_nodes(root, monkeypatch):
    """A head and a far node with a CPU each; yields the address and the far raylet."""
    from ray.cluster_utils import Cluster

    for name, value in environment(root).items():
        monkeypatch.setenv(name, value)
    # A build joins no cluster that lets strangers in.
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    ensure_token()
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    try:
        far = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield cluster.address, far.all_processes["raylet"][0].process.pid
    finally:
        cluster.shutdown()


def workers_of(raylet: int) -> list[Process]:
    return [process for process in below(raylet) if process.role == "worker"]


def begun(raylet: int, run: Run) -> bool:
    until = time.monotonic() + 120
    while not workers_of(raylet):
        if run.popen.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.1)
    time.sleep(1.5)
    return True


def test_a_node_that_dies_is_done_without(
    corpus, undisturbed, tmp_path, root, figures, monkeypatch
):
    out, log = tmp_path / "out", tmp_path / "log"
    with two_nodes(root, monkeypatch) as (address, raylet):
        command = shards(corpus, out, "--ray.address", address)
        with Run(command, log, environment(root)) as run:
            assert begun(raylet, run), log.read_text()
            kills._read(raylet).signal(signal.SIGKILL)
            began = time.monotonic()
            assert run.wait(kills.RUN_S) == 0, log.read_text()[-3000:]
            took_s = time.monotonic() - began
    assert difference(undisturbed, snapshot(out)) == ""
    figures(ended_after_s=took_s)


def test_a_node_that_freezes_is_given_up_and_changes_nothing_when_it_wakes(
    corpus, undisturbed, tmp_path, root, figures, monkeypatch
):
    out, log = tmp_path / "out", tmp_path / "log"
    with two_nodes(root, monkeypatch) as (address, raylet):
        # Undisturbed with the same limits: they are part of what decides a bundle.
        calm = tmp_path / "calm"
        assert finish(shards(corpus, calm, *HASTE), tmp_path / "calm.log", root) == 0
        command = shards(corpus, out, "--ray.address", address, *HASTE)
        with Run(command, log, environment(root)) as run:
            assert begun(raylet, run), log.read_text()
            frozen = [kills._read(raylet), *below(raylet)]
            num_workers = len(workers_of(raylet))
            for process in frozen:
                process.signal(signal.SIGSTOP)
            began = time.monotonic()
            assert run.wait(kills.RUN_S) == 0, log.read_text()[-3000:]
            took_s = time.monotonic() - began
        before = snapshot(out)
        time.sleep(max(0.0, FROZEN_S - (time.monotonic() - began)))
        for process in frozen:
            process.signal(signal.SIGCONT)
        time.sleep(10)
        after = snapshot(out)
    assert "no sign of life past its deadline" in log.read_text()
    assert difference(snapshot(calm), before) == "" and difference(before, after) == ""
    figures(workers_frozen=num_workers, ended_after_s=took_s, frozen_for_s=FROZEN_S)


def test_a_network_that_loses_one_message_in_twenty_changes_no_byte(
    corpus, undisturbed, tmp_path, root, figures
):
    out, log = tmp_path / "out", tmp_path / "log"
    chaos = {"*": {"num_failures": -1, "req_failure_prob": 5, "resp_failure_prob": 5}}
    runs = 0
    code = None
    began = time.monotonic()
    while code != 0 and runs < 5:
        runs += 1
        code = finish(shards(corpus, out), log, root, RAY_testing_rpc_failure=json.dumps(chaos))
    assert code == 0, log.read_text()[-3000:]
    assert difference(undisturbed, snapshot(out)) == ""
    # Those that Ray's driver tells of; its workers and its raylet lose as many.
    lost = log.read_text().count("Inject RPC")
    figures(messages_lost=lost, runs_of_the_command=runs, seconds=time.monotonic() - began)
    assert lost > 0
