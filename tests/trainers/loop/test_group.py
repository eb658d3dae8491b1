from types import SimpleNamespace

import pytest
from ray import exceptions
from ray.train.v2._internal.exceptions import (
    WorkerGroupStartupTimeoutError,
    WorkerHealthCheckFailedError,
    WorkerHealthCheckTimeoutError,
)
from ray.train.v2.api.exceptions import ControllerError, WorkerGroupError

from trainers.loop import group
from trainers.loop.deaths import GroupFailed, WorkerDied, WorkerFrozen
from trainers.loop.group import _translated


class ActorDiedError(exceptions.ActorDiedError):
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


DETAIL = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: RayTrainWorker\n"
    "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker "
    "exit detail: Worker unexpectedly exits with a connection error code 2. End of file. Some"
)


def translated(failure):
    return _translated(WorkerGroupError("many lines", {0: ValueError("x"), 1: failure})).failures


def test_a_dead_worker_is_told_from_one_that_raised_and_the_reason_is_one_sentence():
    dead = WorkerHealthCheckFailedError("A worker health check failed.", ActorDiedError(DETAIL))
    failures = translated(dead)
    assert isinstance(failures[0], ValueError)
    assert type(failures[1]) is WorkerDied
    assert str(failures[1]) == "Worker unexpectedly exits with a connection error code 2"
    node = ActorDiedError("The actor died because its node has died. Node Id: abc")
    assert str(translated(node)[1]) == "The actor died because its node has died"


def test_a_worker_that_does_not_answer_is_frozen():
    failures = translated(WorkerHealthCheckTimeoutError("A worker health check has been hanging"))
    assert isinstance(failures[1], WorkerFrozen)
    assert str(failures[1]) == "A worker health check has been hanging"


def test_a_group_that_could_not_be_started_has_no_failures_and_other_errors_are_kept():
    error = _translated(ControllerError(WorkerGroupStartupTimeoutError(2)))
    assert error.failures == {} and "timed out" in str(error)
    error = _translated(ControllerError(OSError("disk full")))
    assert isinstance(error.failures[0], OSError)


def test_a_controller_that_died_is_a_failure_of_the_group(monkeypatch):
    def die(*_, **__):
        raise ActorDiedError("The actor died unexpectedly before finishing this task.\nmore")

    monkeypatch.setattr(group, "_fit", die)
    monkeypatch.setattr(group, "Capacity", lambda least: SimpleNamespace(use_gpu=False))
    job = SimpleNamespace(training=SimpleNamespace(min_workers=1, workers=2))
    with pytest.raises(GroupFailed, match="controller of the workers died") as failed:
        group.RayGroup(job).fit(None, 2)
    assert type(failed.value.failures[0]) is WorkerDied
