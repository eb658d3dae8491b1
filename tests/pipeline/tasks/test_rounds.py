import pytest

from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.tasks import rounds as rounds_module
from pipeline.tasks import waiting
from pipeline.tasks.bundle import BundleCounts, BundleTask
from pipeline.tasks.jobs import Job
from pipeline.tasks.progress import note_path, reporter
from pipeline.tasks.rounds import EVERY_S, NOTES_PER_S, Rounds
from pipeline.tasks.waiting import Watched
from shards import storage


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(rounds_module.time, "monotonic", lambda: now[0])
    return now


def watched(out: str, number: int, **fields) -> Watched:
    configs = ClipsConfig(), ShardsConfig(), SourcesConfig()
    return Watched(Job(BundleTask(out, f"{number:06d}", "f", (), *configs, "c"), **fields))


def test_of_very_many_notes_only_some_are_read_at_a_time_and_all_in_turn(
    clock, tmp_path, monkeypatch
):
    read: list[str] = []
    monkeypatch.setattr(waiting, "read_note", lambda out, name: read.append(name))
    rounds = Rounds(str(tmp_path))
    for number in range(1000):
        rounds.add(number, watched(str(tmp_path), number))
    seconds = 0.0
    while len(read) < 1000:
        clock[0] += EVERY_S
        seconds += EVERY_S
        before = len(read)
        rounds.look()
        assert len(read) - before <= EVERY_S * NOTES_PER_S
    assert len(set(read)) == 1000 and seconds <= 1 + 1000 / NOTES_PER_S
    rounds.close()


def test_a_note_is_looked_at_no_more_often_than_every_half_second(clock, tmp_path):
    rounds = Rounds(str(tmp_path))
    rounds.add("a", watched(str(tmp_path), 0))
    assert rounds.look() == []
    clock[0] += EVERY_S
    assert len(rounds.look()) == 1 and rounds.look() == []
    rounds.close()


def test_what_is_under_way_is_counted_by_its_notes_and_without_tries_of_single_sources(
    clock, tmp_path
):
    out, rounds = str(tmp_path), Rounds(str(tmp_path))
    for number, fields in enumerate(({}, {}, {"probed": 0})):
        job = watched(out, number, **fields)
        rounds.add(number, job)
        reporter(out, job.job.name)(BundleCounts(2, 10, 1))
    assert rounds.counts() == BundleCounts()
    clock[0] += EVERY_S
    rounds.look()
    assert rounds.counts() == BundleCounts(4, 20, 2)
    rounds.remove(0)
    assert rounds.counts() == BundleCounts(2, 10, 1)
    rounds.close()


def test_only_what_has_noted_nothing_counts_as_not_begun(tmp_path):
    rounds = Rounds(str(tmp_path))
    begun, waits = watched(str(tmp_path), 0), watched(str(tmp_path), 1)
    rounds.add("begun", begun)
    rounds.add("waits", waits)
    reporter(str(tmp_path), begun.job.name)(BundleCounts(source="ada"))
    assert rounds.not_begun() == ["waits"]
    rounds.close()


def test_jobs_alone_are_counted_and_notes_of_what_ended_are_gone(tmp_path):
    out, rounds = str(tmp_path), Rounds(str(tmp_path))
    job = watched(out, 0, is_alone=True)
    rounds.add("a", job)
    reporter(out, job.job.name)(BundleCounts())
    assert rounds.num_alone == 1
    assert rounds.remove("a") is job and rounds.num_alone == 0 and len(rounds) == 0
    rounds.forget_note(job.job.name)
    rounds.close()
    assert not storage.exists(note_path(out, job.job.name))
