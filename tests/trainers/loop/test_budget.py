from trainers.loop import budget
from trainers.loop.budget import Budget
from trainers.loop.deaths import Death

KILLED, NONE = Death("killed", "signal 9"), Death("no_workers", "no room")


def test_deaths_are_counted_until_a_checkpoint_is_written():
    spent = Budget(attempts=3, wait_s=9, step=0)
    for step, left in ((0, 2), (0, 1), (4, 2), (4, 1)):
        spent.note(step, KILLED, 0)
        assert 3 - len(spent.deaths) == left
        assert not spent.is_spent
    spent.note(4, KILLED, 0)
    assert spent.is_spent


def test_an_end_without_a_death_costs_nothing():
    spent = Budget(attempts=1, wait_s=9, step=0)
    spent.note(0, None, 0)
    assert not spent.is_spent


def test_groups_that_cannot_start_may_fail_for_a_time(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: now_s[0])
    spent = Budget(attempts=1, wait_s=60, step=0)
    for began_s in (100.0, 130.0):
        now_s[0] = began_s + 29
        spent.note(0, NONE, began_s)
        assert not spent.is_starved
    now_s[0] = 160.0
    assert spent.is_starved and not spent.is_spent
    spent.note(0, None, 150.0)
    assert not spent.is_starved


def test_only_a_second_death_is_waited_for():
    spent = Budget(attempts=99, wait_s=9, step=0)
    pauses = []
    for _ in range(8):
        spent.note(0, KILLED, 0)
        pauses.append(spent.pause_s())
    assert pauses == [0, 2, 4, 8, 16, 30, 30, 30]
