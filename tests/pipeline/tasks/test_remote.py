import pytest
import ray

from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.tasks.bundle import BundleTask
from pipeline.tasks.remote import Room, build_remotely, probe_remotely
from trainers.cluster.stamp import stamp
from trainers.cluster.versions import MixedVersions

GIB = 2**30


def nodes(monkeypatch, *resources):
    listed = [{"Alive": True, "Resources": each} for each in resources]
    listed.append({"Alive": False, "Resources": {"CPU": 64, "memory": 999 * GIB}})
    monkeypatch.setattr(ray, "nodes", lambda: listed)


def test_a_task_alone_gets_a_whole_node_and_more_memory(monkeypatch):
    nodes(monkeypatch, {"CPU": 2, "memory": 9 * GIB}, {"CPU": 8, "memory": 20 * GIB}, {"CPU": 0})
    room = Room.of_cluster(ShardsConfig(task_memory_bytes=2 * GIB))
    assert (room.num_slots, room.num_nodes) == (10, 2)
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
    assert room.num_slots == 1 and room.options(is_alone=False)["num_cpus"] == 1


@pytest.mark.parametrize("remote", [build_remotely, probe_remotely])
def test_a_node_with_other_versions_than_the_driver_touches_no_bundle(remote, tmp_path):
    out = tmp_path / "out"
    versions = {**stamp(), "ffmpeg": "8.1"}
    task = BundleTask(
        out=str(out),
        bundle="000000",
        fingerprint="f",
        sources=(),
        clips=ClipsConfig(),
        shards=ShardsConfig(),
        intake=SourcesConfig(),
        config_hash="c",
        versions=versions,
    )
    with pytest.raises(MixedVersions, match=r"has ffmpeg .*, the driver has 8\.1"):
        remote._function(task, "000000.1")
    assert not out.exists()


def test_where_memory_is_short_fewer_tasks_run_side_by_side_than_there_are_cpus(monkeypatch):
    nodes(monkeypatch, {"CPU": 64, "memory": 20 * GIB}, {"CPU": 2, "memory": 90 * GIB})
    assert Room.of_cluster(ShardsConfig(task_memory_bytes=2 * GIB)).num_slots == 12
