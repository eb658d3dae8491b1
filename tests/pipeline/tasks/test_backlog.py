from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.tasks.backlog import Backlog
from pipeline.tasks.bundle import BundleTask
from pipeline.tasks.jobs import Job

TASK = BundleTask("/out", "000000", "f", (), ClipsConfig(), ShardsConfig(), SourcesConfig(), "c")


def job(not_before: float = 0.0, *, alone: bool = False) -> Job:
    return Job(TASK, not_before=not_before, is_alone=alone)


def test_a_job_waits_for_its_time_and_holds_up_no_other():
    backlog = Backlog()
    later, now = job(9.0), job()
    backlog.add(later, now)
    assert backlog.take(5.0, alone=False) is now
    assert backlog.take(5.0, alone=False) is None and len(backlog) == 1
    assert backlog.take(9.0, alone=False) is later and not backlog


def test_of_jobs_that_are_due_at_once_the_first_comes_first():
    backlog = Backlog()
    jobs = [job() for _ in range(5)]
    backlog.add(*jobs)
    assert [backlog.take(0.0, alone=False) for _ in jobs] == jobs


def test_jobs_that_want_a_node_to_themselves_wait_in_a_queue_of_their_own():
    backlog = Backlog()
    alone, other = job(alone=True), job()
    backlog.add(alone, other)
    assert (backlog.num_side_by_side, len(backlog)) == (1, 2)
    assert backlog.take(0.0, alone=False) is other and backlog.take(0.0, alone=False) is None
    assert backlog.take(0.0, alone=True) is alone
