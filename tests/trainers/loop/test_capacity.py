import pytest
import ray
from ray._private import state

from trainers.cluster import ask
from trainers.loop.capacity import Capacity

AVAILABLE = {"a": {"CPU": 1.0}, "b": {"CPU": 3.5, "GPU": 2.0}, "c": {"CPU": 8.0, "GPU": 1.0}}


@pytest.fixture
def cluster(monkeypatch):
    def be(total_gpus=0, draining=(), dead=()):
        nodes = [{"NodeID": node, "Alive": node not in dead} for node in AVAILABLE]
        monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": total_gpus})
        monkeypatch.setattr(ray, "nodes", lambda: nodes)
        monkeypatch.setattr(state, "available_resources_per_node", lambda: AVAILABLE)
        monkeypatch.setattr(state.state, "get_draining_nodes", lambda: dict.fromkeys(draining, 0))

    return be


def test_each_worker_needs_a_whole_cpu_of_one_node(cluster):
    cluster()
    assert Capacity(1).free() == 1 + 3 + 8


def test_workers_get_a_gpu_each_where_there_are_as_many_as_are_enough(cluster):
    cluster(total_gpus=3)
    assert Capacity(3).free() == 2 + 1
    assert not Capacity(4).use_gpu


def test_nodes_that_are_dead_or_have_notice_have_no_room(cluster):
    cluster(draining=["c"], dead=["a"])
    assert Capacity(1).free() == 3
    assert Capacity(1).draining() == {"c"}


def test_after_a_failure_only_nodes_that_answer_count(cluster, monkeypatch):
    cluster()
    monkeypatch.setattr(ask, "ask_nodes", lambda question, nodes, limit_s: nodes[:1])
    assert Capacity(1).free(ask_nodes=True) == 1
