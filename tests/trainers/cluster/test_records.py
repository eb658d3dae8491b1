"""Nodes that run here are known by process and start; those that ended are forgotten."""

import os
import stat
from dataclasses import replace

import pytest

from trainers.cluster import records
from trainers.cluster.processes import process
from trainers.cluster.records import NodeRecord, forget, nodes_here, save


@pytest.fixture(autouse=True)
def base(monkeypatch, tmp_path):
    monkeypatch.setattr(records.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"weakvid-ray-{os.getuid()}"


@pytest.fixture
def record():
    me = process(os.getpid())
    return NodeRecord(me.pid, me.began, True, "10.0.0.1:6379", "127.0.0.1:8265", "/tmp/x")


def test_a_node_that_runs_is_found_until_it_is_forgotten(record):
    save(record)
    assert nodes_here() == [record]
    forget(record)
    forget(record)
    assert nodes_here() == []


def test_a_node_whose_process_id_belongs_to_another_by_now_is_forgotten(record, base):
    save(replace(record, began=record.began - 1))
    assert nodes_here() == []
    assert list((base / "nodes").iterdir()) == []


def test_nobody_else_can_look_at_them_or_have_made_the_folder(record, base):
    save(record)
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    (base / "nodes").rename(base / "moved")
    (base / "nodes").symlink_to(base / "moved")
    with pytest.raises(PermissionError):
        nodes_here()
