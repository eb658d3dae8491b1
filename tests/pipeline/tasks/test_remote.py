import ray

from configs.shards import ShardsConfig
from pipeline.tasks.remote import Room

GIB = 2**30


def nodes(monkeypatch, *resources):
    listed = [{"Alive": True, "Resources": each} for each in resources]
    listed.append({"Alive": False, "Resources": {"CPU": 64, "memory": 999 * GIB}})
    monkeypatch.setattr(ray, "nodes", lambda: listed)


def test_a_task_alone_gets_a_whole_node_and_more_memory(monkeypatch):
    nodes(monkeypatch, {"CPU": 2, "memory": 9 * GIB}, {"CPU": 8, "memory": 20 * GIB}, {"CPU": 0})
    room = Room.of_cluster(ShardsConfig(task_memory_bytes=2 * GIB))
    assert (room.num_cpus, room.num_nodes) == (10, 2)
    assert room.options(is_alone=False) == {"num_cpus": 1, "memory": 2 * GIB}
    assert room.options(is_alone=True) == {"num_cpus": 8, "memory": 4 * GIB}


def test_no_task_asks_for_more_memory_than_a_node_has_or_it_would_wait_for_ever(monkeypatch):
    nodes(monkeypatch, {"CPU": 2, "memory": GIB})
    room = Room.of_cluster(ShardsConfig(task_memory_bytes=2 * GIB))
    assert room.options(is_alone=False)["memory"] == GIB
    assert room.options(is_alone=True)["memory"] == GIB


def test_a_cluster_without_a_worker_yet_still_gets_a_task(monkeypatch):
    nodes(monkeypatch, {"CPU": 0})
    room = Room.of_cluster(ShardsConfig())
    assert room.num_cpus == 1 and room.options(is_alone=False)["num_cpus"] == 1
