import itertools
import math

import pytest

from configs.objectives import CyclicConfig, WeightSchedule
from configs.training import TrainingConfig
from trainers.loop.schedule import learning_rate, objective_weight

CONFIG = TrainingConfig(steps=100, warmup_steps=10, lr=0.5)


def test_warm_up_rises_in_equal_parts_to_the_peak():
    rates = [learning_rate(CONFIG, step) for step in range(10)]
    assert rates == pytest.approx([0.05 * (step + 1) for step in range(10)])


def test_the_cosine_falls_from_the_peak_to_nothing():
    rates = [learning_rate(CONFIG, step) for step in range(10, 101)]
    assert rates[0] == pytest.approx(0.5)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))
    assert rates[45] == pytest.approx(0.25)
    assert rates[-1] == pytest.approx(0.0)


def test_no_warm_up_begins_at_the_peak():
    assert learning_rate(TrainingConfig(steps=5, warmup_steps=0, lr=0.5), 0) == 0.5


def test_warm_up_and_cosine_begin_anew_at_a_restart_and_what_was_done_keeps_its_rates():
    extended = TrainingConfig(steps=300, restarts=(100,), warmup_steps=10, lr=0.5)
    rates = [learning_rate(extended, step) for step in range(300)]
    assert rates[:100] == [learning_rate(CONFIG, step) for step in range(100)]
    assert rates[100:110] == rates[:10]
    assert rates[110] == pytest.approx(0.5) and rates[205] == pytest.approx(0.25)
    assert 0.0 < rates[299] < 1e-3


@pytest.mark.parametrize("restarts", [(0,), (50, 50), (60, 40), (100,)])
def test_restarts_must_rise_within_the_run(restarts):
    with pytest.raises(ValueError, match=r"training\.restarts must rise"):
        TrainingConfig(steps=100, restarts=restarts)


def weights(steps, **schedule):
    config = CyclicConfig(weight=2.0, schedule=WeightSchedule(**schedule))
    return [objective_weight(config, step) for step in steps]


def test_a_weight_without_a_schedule_is_the_same_at_every_step():
    assert weights((0, 7, 10**6)) == [2.0] * 3


def test_a_linear_weight_goes_from_one_factor_to_the_other_in_equal_parts():
    way = weights((0, 10, 11, 15, 20, 99), shape="linear", first=0.5, last=1.5, begin=10, end=20)
    assert way == pytest.approx([1.0, 1.0, 1.2, 2.0, 3.0, 3.0])


def test_a_cosine_weight_begins_and_ends_flat_and_may_fall():
    way = weights(range(101), shape="cosine", first=1.0, last=0.0, begin=0, end=100)
    assert way[0] == 2.0 and way[50] == pytest.approx(1.0) and way[100] == pytest.approx(0.0)
    assert way[25] == pytest.approx(1 + math.sqrt(0.5))
    assert all(later < earlier for earlier, later in itertools.pairwise(way))
