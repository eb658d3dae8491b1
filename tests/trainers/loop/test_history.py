import pytest

from trainers.loop.history import history_of

BEGUN = [
    {"attempt": 1, "event": "begin", "unix_s": 100.0, "workers": 2},
    {"attempt": 1, "event": "resume", "unix_s": 101.0, "from_step": 0, "lost_steps": []},
    {"attempt": 1, "event": "stepping", "unix_s": 110.0, "step": 1},
]
LOST = [31, 32, 33]


def lines(steps, step_s=1.0):
    return [{"step": step, "train/lr": 1.0, "train/step_s": step_s} for step in steps]


def again(attempt, at, from_step=30, lost=LOST, seen=145.0, stepping=True):
    events = [
        {"attempt": attempt, "event": "begin", "unix_s": at},
        {"attempt": attempt, "event": "resume", "unix_s": at + 1, "from_step": from_step,
         "lost_steps": lost, "seen_unix_s": seen},
    ]  # fmt: skip
    if stepping:
        events.append(
            {"attempt": attempt, "event": "stepping", "unix_s": at + 9, "step": from_step + 1}
        )
    return events


def test_a_killed_worker_costs_its_steps_and_the_time_to_the_first_new_one():
    end = {"attempt": 1, "event": "end", "unix_s": 146.0, "step": 30, "kind": "killed",
           "error": "worker 1: died"}  # fmt: skip
    history = history_of([*BEGUN, end, *again(2, 150.0)], lines(range(1, 41)), 170.0)
    (one,) = history.interruptions
    assert (one.attempt, one.kind, one.cause) == (1, "killed", "a worker was killed")
    assert (one.step, one.from_step, one.lost_steps) == (33, 30, 3)
    assert (one.unix_s, one.recover_s, one.reason) == (146.0, 13.0, "worker 1: died")
    assert history.num_attempts == 2 and history.lost_steps == 3
    assert history.wall_s == 70.0 and history.steps_s == 40.0
    assert history.effective == pytest.approx(40 / 70)


def test_a_killed_driver_cannot_say_so_but_its_last_line_tells_when():
    (one,) = history_of([*BEGUN, *again(2, 300.0)], lines(range(1, 35))).interruptions
    assert (one.kind, one.unix_s, one.recover_s) == ("driver", 145.0, 164.0)


def test_an_attempt_that_dies_before_its_first_step_adds_to_the_time_to_recover():
    events = [*BEGUN, *again(2, 150.0, stepping=False), *again(3, 200.0, lost=[])]
    first, second = history_of(events, lines(range(1, 41))).interruptions
    assert (first.recover_s, first.lost_steps) == (64.0, 3)
    assert (second.attempt, second.lost_steps, second.step) == (2, 0, 30)


def test_time_after_a_wanted_stop_counts_for_nothing():
    end = {"attempt": 1, "event": "end", "unix_s": 140.0, "step": 40, "kind": "stopped"}
    events = [*BEGUN, end, *again(2, 10_000.0, from_step=40, lost=[])]
    history = history_of(events, lines(range(1, 51)), 10_020.0)
    assert history.interruptions[0].cause == "asked to stop"
    assert history.wall_s == 40.0 + 20.0


def test_a_finished_run_and_one_under_way_have_no_interruption():
    finished = {"attempt": 1, "event": "end", "unix_s": 160.0, "step": 50, "kind": "finished"}
    assert history_of([*BEGUN, finished], lines(range(1, 51))).interruptions == []
    assert history_of(BEGUN, lines(range(1, 9)), 150.0).interruptions == []


def test_one_that_ended_and_was_not_taken_up_again_is_still_to_recover():
    end = {"attempt": 1, "event": "end", "unix_s": 160.0, "step": 30, "kind": "hang"}
    (one,) = history_of([*BEGUN, end], lines(range(1, 34))).interruptions
    assert (one.step, one.from_step, one.recover_s, one.lost_steps) == (33, None, None, 0)


def test_validation_and_checkpoints_are_counted_apart():
    measured = [*lines([1]), {"step": 2, "time/validate_s": 2.0, "time/checkpoint_s": 0.5}]
    history = history_of(BEGUN, measured, 120.0)
    assert (history.steps_s, history.validate_s, history.checkpoint_s) == (1.0, 2.0, 0.5)


def test_slow_workers_are_in_the_history_and_a_run_without_events_has_none():
    slow = {"attempt": 1, "event": "straggler", "unix_s": 130.0, "worker": 1}
    assert history_of([*BEGUN, slow], []).stragglers[0]["worker"] == 1
    empty = history_of([], [])
    assert empty.num_attempts == 0 and empty.effective is None


@pytest.mark.parametrize("value", [None, "x", [], {}, float("nan"), [None]])
def test_events_with_values_of_a_foreign_type_are_as_good_as_missing(value):
    names = ("attempt", "event", "unix_s", "step", "from_step", "lost_steps", "seen_unix_s", "kind")
    end = {"attempt": 1, "event": "end", "unix_s": 146.0, "step": 30, "kind": "killed"}
    events = [*BEGUN, end, *again(2, 150.0)]
    for name in names:
        for damaged in events:
            assert history_of([*events, damaged | {name: value}], [{"step": 1, name: value}])
        assert history_of([event | {name: value} for event in events], [])
