import time

import pytest
import torch

from trainers import waits
from trainers.loop import timing
from trainers.loop.timing import StepClock, StepTimes


@pytest.fixture
def now(monkeypatch):
    """A clock that only this test moves."""
    seconds = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: seconds[0])

    def pass_by(more):
        seconds[0] += more

    return pass_by


def test_a_step_is_its_data_its_work_and_its_waiting_for_others(now):
    clock = StepClock(global_batch=8)
    with clock.phase("data"):
        now(1.0)
    with clock.phase("step"):
        now(2.0)
        with waits.waiting(torch.device("cpu")):
            now(1.0)
    values = clock.figures()
    assert values["train/step_s"] == 4.0
    assert values["train/data_wait"] == 0.25
    assert values["train/clips_per_s"] == 2.0
    assert values["time/wait_s"] == 1.0
    (times,) = clock.take_steps()
    assert times == StepTimes(data_s=1.0, compute_s=2.0, wait_s=1.0)
    assert clock.take_steps() == []


def test_what_validation_and_checkpoint_took_stands_with_the_step_after_them(now):
    clock = StepClock(global_batch=8)
    with clock.phase("step"):
        now(1.0)
    first = clock.figures()
    with clock.phase("validate"):
        now(5.0)
        with waits.waiting(torch.device("cpu")):
            now(1.0)
    with clock.phase("checkpoint"):
        now(0.5)
    with clock.phase("step"):
        now(1.0)
    second = clock.figures()
    assert not any(key in first for key in ("time/validate_s", "time/checkpoint_s"))
    assert second["time/validate_s"] == 6.0 and second["time/checkpoint_s"] == 0.5
    # Neither makes the step itself slower, nor does waiting inside them.
    assert first["train/step_s"] == second["train/step_s"] == 1.0
    assert second["time/wait_s"] == 0.0


def test_a_phase_that_fails_is_still_counted(now):
    clock = StepClock(global_batch=8)

    def fail():
        with clock.phase("data"):
            now(3.0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert clock.end_step().data_s == 3.0


def test_waiting_from_before_the_clock_is_not_its(now):
    with waits.waiting(torch.device("cpu")):
        now(9.0)
    clock = StepClock(global_batch=8)
    with clock.phase("step"):
        now(1.0)
    assert clock.end_step() == StepTimes(compute_s=1.0)
    assert timing.take_waited_s() == 0.0
