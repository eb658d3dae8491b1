import pytest

from trainers.cluster.versions import MixedVersions
from trainers.data.damage import DamagedSample
from trainers.loop.attempts import append_event
from trainers.loop.deaths import Death, GroupFailed, WorkerDied, WorkerFrozen, common_rows, examine
from trainers.loop.heartbeat import Heartbeat
from trainers.loop.skips import NonFiniteLoss

PEER = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [192.0.2.2]:3")


def leave_behind(run_dir, worker, step=8, rows=(3, 4)):
    heartbeat = Heartbeat(run_dir, 1, worker)
    heartbeat.in_hand.stepping(rows)
    heartbeat.beat(step, "step")
    heartbeat.close()


def test_the_worker_that_died_is_to_blame_and_not_those_that_lost_it(tmp_path):
    leave_behind(tmp_path, 1)
    death = examine(tmp_path, 1, GroupFailed({0: PEER, 1: WorkerDied("signal 9"), 2: PEER}))
    assert (death.kind, death.worker, death.step, death.phase) == ("killed", 1, 8, "step")
    assert death.rows == {3, 4}
    assert death.reason == "worker 1 died: signal 9"
    assert not death.fatal


def test_an_error_of_one_worker_goes_before_its_consequences_in_others(tmp_path):
    death = examine(tmp_path, 1, GroupFailed({0: PEER, 1: RuntimeError("trace\nno such kernel")}))
    assert (death.kind, death.reason) == ("error", "worker 1: no such kernel")


@pytest.mark.parametrize(
    "error", [DamagedSample("x"), NonFiniteLoss("x"), ValueError("x"), MixedVersions("x")]
)
def test_what_would_come_again_is_fatal(tmp_path, error):
    assert examine(tmp_path, 1, GroupFailed({0: PEER, 1: error})).fatal


def test_a_worker_that_reported_itself_stuck_is_named_with_its_place(tmp_path):
    leave_behind(tmp_path, 1, step=9)
    details = {"step": 9, "phase": "data", "silent_s": 12.1, "stacks": "logs/x.stacks"}
    append_event(tmp_path, 1, "hang", worker=1, **details)
    death = examine(tmp_path, 1, GroupFailed({0: PEER, 1: WorkerDied("exit code 75")}))
    assert (death.kind, death.worker, death.step) == ("hang", 1, 9)
    assert "stuck for 12.1 s in phase data after step 9, see logs/x.stacks" in death.reason
    # That of another attempt says nothing.
    assert examine(tmp_path, 2, GroupFailed({1: WorkerDied("x")})).kind == "killed"


def test_a_worker_that_froze_is_a_hang(tmp_path):
    death = examine(tmp_path, 1, GroupFailed({0: WorkerFrozen("no answer for 9 s"), 1: PEER}))
    assert (death.kind, death.reason) == ("hang", "worker 0 froze: no answer for 9 s")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PEER, "killed"),
        (RuntimeError("[gloo/unbound_buffer.cc:81] Timed out waiting 2000ms for recv"), "hang"),
    ],
)
def test_who_is_missed_and_not_heard_of_is_to_blame(tmp_path, error, kind):
    for worker in (0, 1):
        leave_behind(tmp_path, worker, step=8 + worker)
    death = examine(tmp_path, 1, GroupFailed({0: error}))
    assert (death.kind, death.worker, death.step) == (kind, 1, 9)
    assert death.reason.startswith("worker 0 missed worker 1: [gloo")
    # Where all miss somebody, nobody is to blame more than another.
    assert "missed another" in examine(tmp_path, 1, GroupFailed({0: error, 1: error})).reason


def test_a_worker_that_is_alone_misses_nobody(tmp_path):
    leave_behind(tmp_path, 0)
    death = examine(tmp_path, 1, GroupFailed({0: OSError("the store timed out")}))
    assert (death.kind, death.reason) == ("error", "worker 0: the store timed out")


def test_a_group_without_failures_never_was(tmp_path):
    death = examine(tmp_path, 1, GroupFailed({}, "no room"))
    assert (death.kind, death.reason) == ("no_workers", "no room")


def test_only_samples_that_were_in_hand_every_time_are_suspects():
    deaths = [
        Death("killed", "", rows=frozenset(rows)) for rows in ({1, 2, 3}, {3, 2, 9}, {2, 3, 4})
    ]
    assert common_rows(deaths) == [2, 3]
    assert common_rows([]) == []
