"""Nodes with other versions are refused, by name and with both versions."""

import shutil

import pytest
import ray

from trainers.cluster import stamp, versions
from trainers.cluster.versions import (
    MixedVersions,
    differences,
    refuse_mixed_versions,
    refuse_other_versions,
)

VERSIONS = {"python": "3.11.7", "torch": "2.13.0", "ffmpeg": "9.0.2", "weakvid": "0123456789ab"}
HERE, THERE = VERSIONS | {"place": "here"}, VERSIONS | {"place": "there"}


@pytest.fixture
def nodes(monkeypatch):
    answers = {}
    monkeypatch.setattr(versions, "stamp", lambda: HERE)
    monkeypatch.setattr(versions, "_ask_nodes", lambda: answers)
    monkeypatch.setattr(versions, "_node_address", lambda: "10.0.0.9")
    return answers


def test_nodes_that_agree_are_let_through(nodes):
    nodes.update({"10.0.0.1": HERE, "10.0.0.2": THERE})
    refuse_mixed_versions()


@pytest.mark.parametrize("name", list(VERSIONS))
def test_a_node_that_differs_is_named_with_both_versions(nodes, name):
    nodes.update({"10.0.0.1": HERE, "10.0.0.2": THERE | {name: "other"}})
    with pytest.raises(MixedVersions) as caught:
        refuse_mixed_versions()
    told = f"node 10.0.0.2 has {name} other, the driver has {HERE[name]}"
    assert told in str(caught.value) and "10.0.0.1" not in str(caught.value)
    # Errors from afar are shown by their last line.
    assert "\n" not in str(caught.value)


def test_a_node_that_does_not_answer_is_said_and_is_no_mismatch(nodes, caplog):
    nodes.update({"10.0.0.1": HERE, "10.0.0.2": None})
    refuse_mixed_versions()
    assert "10.0.0.2" in caplog.text and "10.0.0.1" not in caplog.text


def test_a_node_that_came_later_is_refused_before_it_works(nodes):
    refuse_other_versions(HERE)
    with pytest.raises(MixedVersions, match=r"node 10.0.0.9 has ffmpeg 9.0.2, the driver has 8.1"):
        refuse_other_versions(HERE | {"ffmpeg": "8.1"})


def test_code_that_is_edited_while_a_job_runs_is_no_other_code_on_the_same_machine(nodes):
    assert differences("n", HERE, THERE | {"weakvid": "edited"})
    assert not differences("n", HERE, HERE | {"weakvid": "edited"})


def test_what_a_node_lacks_is_a_difference():
    assert differences("n", {"ffmpeg": "9", "place": "here"}, {}) == [
        "node n has ffmpeg none, the driver has 9"
    ]


def test_the_stamp_is_of_what_decides_bytes():
    there = stamp.stamp()
    versioned = {"python", "ray", "torch", "numpy", "av", "decord", "ffmpeg", "weakvid"}
    assert set(there) == versioned | {"place"}
    assert "none" not in [there[name] for name in ("ray", "torch", "av", "ffmpeg")]
    assert "+" not in there["torch"]


def test_one_changed_byte_of_our_code_is_another_digest(root, tmp_path):
    for package in ("configs", "shards", "trainers", "pipeline"):
        shutil.copytree(root / package, tmp_path / package)
    assert stamp.code_digest(tmp_path) == stamp.code_digest(root)
    path = tmp_path / "shards" / "order.py"
    path.write_bytes(path.read_bytes() + b"\n")
    assert stamp.code_digest(tmp_path) != stamp.code_digest(root)


@pytest.mark.ray
def test_each_node_of_a_real_ray_is_asked(monkeypatch):
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        refuse_mixed_versions()
        monkeypatch.setattr(versions, "stamp", lambda: stamp.stamp() | {"ffmpeg": "8.1"})
        with pytest.raises(MixedVersions, match=r"ffmpeg .*, the driver has 8\.1"):
            refuse_mixed_versions()
    finally:
        ray.shutdown()


def test_nodes_with_one_address_are_asked_each(monkeypatch):
    listed = [
        {"Alive": alive, "NodeID": str(number) * 56, "NodeManagerAddress": "10.0.0.1"}
        for number, alive in enumerate((True, True, False))
    ]
    asked = []

    class Task:
        def options(self, **how):
            self.node = how["scheduling_strategy"].node_id
            return self

        def remote(self):
            asked.append(self.node)
            return self.node

    monkeypatch.setattr(ray, "nodes", lambda: listed)
    monkeypatch.setattr(ray, "remote", lambda function: Task())
    monkeypatch.setattr(ray, "wait", lambda references, **_: (references, []))
    monkeypatch.setattr(ray, "get", lambda node: HERE | {"node": node})
    answers = versions._ask_nodes()
    assert asked == ["0" * 56, "1" * 56]
    assert list(answers) == ["10.0.0.1 (00000000)", "10.0.0.1 (11111111)"]
