import pytest

from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.tasks import waiting
from pipeline.tasks.bundle import BundleCounts, BundleTask
from pipeline.tasks.jobs import Job
from pipeline.tasks.progress import reporter
from pipeline.tasks.waiting import NODES_S, SUSPICIOUS_S, UNSTARTED_S, Watched


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def watched(tmp_path, clock):
    task = BundleTask(
        str(tmp_path), "000000", "f", (), ClipsConfig(), ShardsConfig(), SourcesConfig(), "c"
    )
    return Watched(Job(task), heard=clock[0])


def test_a_bundle_is_overdue_past_what_its_own_note_allows(watched, clock, tmp_path):
    reporter(str(tmp_path), "000000.1")(BundleCounts(source="ada", due_s=60))
    watched.look(0.5)
    clock[0] += 179
    assert not watched.is_overdue(120)
    clock[0] += 2
    assert watched.is_overdue(120)


def test_a_bundle_whose_node_is_dead_is_not_waited_for(watched, clock, tmp_path, monkeypatch):
    nodes = [{"NodeID": "far", "Alive": True}, {"NodeID": "near", "Alive": True}]
    monkeypatch.setattr(waiting.ray, "nodes", lambda: nodes)
    waiting._alive.cache_clear()
    reporter(str(tmp_path), "000000.1", "far")(BundleCounts(source="ada", due_s=60))
    assert watched.look(0.5).node == "far"
    clock[0] += SUSPICIOUS_S + 1
    assert not watched.is_overdue(120)
    nodes[0]["Alive"] = False
    clock[0] += NODES_S
    assert watched.is_overdue(120)


def test_each_new_note_starts_the_time_again(watched, clock, tmp_path):
    report = reporter(str(tmp_path), "000000.1")
    report(BundleCounts(source="ada", due_s=60))
    watched.look(0.5)
    clock[0] += 100
    report(BundleCounts(1, 3, 0, source="bob", due_s=10))
    assert watched.look(0.5).videos == 1
    clock[0] += 100
    assert not watched.is_overdue(120)
    clock[0] += 31
    assert watched.is_overdue(120)


def test_notes_are_not_read_more_often_than_asked(watched, clock, tmp_path):
    report = reporter(str(tmp_path), "000000.1")
    report(BundleCounts(source="ada"))
    watched.look(10)
    report(BundleCounts(source="bob"))
    clock[0] += 9
    assert watched.look(10).source == "ada"
    clock[0] += 2
    assert watched.look(10).source == "bob"


@pytest.mark.parametrize(("free", "is_lost"), [(0.0, False), (2.0, True)])
def test_a_task_that_never_began_is_lost_only_while_a_cpu_is_free(
    watched, clock, monkeypatch, free, is_lost
):
    monkeypatch.setattr(waiting.ray, "available_resources", lambda: {"CPU": free})
    clock[0] += UNSTARTED_S - 1
    assert not watched.is_overdue(120)
    clock[0] += 2
    assert watched.is_overdue(120) == is_lost
