"""`weakvid cluster`: what is started, which node is meant by stop, what status shows."""

import pytest

from pipeline import cli
from pipeline.stages import cluster
from trainers.cluster.open_cluster import NoAnswer
from trainers.cluster.records import NodeRecord

HEAD = NodeRecord(11, 1, True, "10.0.0.1:6379", "127.0.0.1:8265", "/tmp/x")
NODE = NodeRecord(12, 1, False, "10.0.0.9:6379", "", "/tmp/y")


@pytest.fixture
def machine(monkeypatch):
    """Nodes that run here; what was started and stopped."""
    state = {"nodes": [], "started": [], "stopped": [], "open": False}

    def start(spec):
        state["started"].append(spec)
        return NODE if spec.address else HEAD

    def stop(record):
        state["stopped"].append(record.pid)
        return 0

    def knock(address):
        if state["open"] is None:
            raise NoAnswer("nothing there")
        return state["open"]

    monkeypatch.setattr(cluster, "start_node", start)
    monkeypatch.setattr(cluster, "stop_node", stop)
    monkeypatch.setattr(cluster, "become_node", lambda spec: state["started"].append("became"))
    monkeypatch.setattr(cluster, "nodes_here", lambda: state["nodes"])
    monkeypatch.setattr(cluster, "lets_strangers_in", knock)
    monkeypatch.setattr(cluster, "family", lambda process: {process})
    monkeypatch.setattr(cluster, "listening", lambda _: [("*", 6379, "gcs_server")])
    monkeypatch.setenv("RAY_AUTH_TOKEN", "sesame")
    return state


def test_a_head_is_started_closed_and_says_how_to_go_on(machine, capsys):
    assert cli.main(["cluster", "start", "--head"]) == 0
    (spec,) = machine["started"]
    assert spec.is_head and not spec.insecure_local and spec.dashboard_host == "127.0.0.1"
    said = capsys.readouterr().out
    assert "weakvid cluster start --address 10.0.0.1:6379" in said
    assert "token in RAY_AUTH_TOKEN" in said and "sesame" not in said


def test_an_open_head_invites_no_other_machine(machine, capsys):
    assert cli.main(["cluster", "start", "--head", "--insecure-local"]) == 0
    said = capsys.readouterr().out
    assert "for this machine alone" in said and "more nodes" not in said


def test_what_follows_two_dashes_goes_to_ray(machine):
    words = ["cluster", "start", "--address", "10.0.0.9:6379", "--", "--num-cpus", "8"]
    assert cli.main(words) == 0
    assert machine["started"][0].ray_options == ("--num-cpus", "8")
    assert machine["started"][0].address == "10.0.0.9:6379"


def test_block_becomes_the_node(machine):
    cli.main(["cluster", "start", "--head", "--block"])
    assert machine["started"][0] == "became"


def test_a_node_is_a_head_or_joins_one(machine, capsys):
    assert cli.main(["cluster", "start"]) == 2
    assert cli.main(["cluster", "start", "--head", "--address", "10.0.0.9:6379"]) == 2
    assert machine["started"] == []


def test_stop_ends_the_only_node_and_asks_which_of_several(machine, capsys):
    assert cli.main(["cluster", "stop"]) == 2
    machine["nodes"] = [HEAD, NODE]
    assert cli.main(["cluster", "stop"]) == 2
    assert "process 11; node of 10.0.0.9:6379, process 12" in capsys.readouterr().err
    assert cli.main(["cluster", "stop", "12"]) == 0
    machine["nodes"] = [HEAD]
    assert cli.main(["cluster", "stop", "12"]) == 2
    assert cli.main(["cluster", "stop"]) == 0
    assert machine["stopped"] == [12, 11]


@pytest.mark.parametrize(
    ("is_open", "told"),
    [(False, "asks for a token"), (True, "OPEN to everybody"), (None, "nothing there")],
)
def test_status_says_who_is_let_in_and_what_listens(machine, capsys, is_open, told):
    assert cli.main(["cluster", "status"]) == 1
    machine["nodes"], machine["open"] = [HEAD], is_open
    assert cli.main(["cluster", "status"]) == 0
    said = capsys.readouterr().out
    assert said.count(told) == 2 and "*:6379 gcs_server" in said
