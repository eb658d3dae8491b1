"""What a checkpoint's state becomes in a model that has more than it holds."""

import copy

import pytest
import torch

from trainers.loop.fresh import fresh_model, measure_targets
from trainers.loop.restore import restore
from trainers.loop.step import TrainStep

VOCABULARY = 50


def trained(job, batches):
    """Return the state that a checkpoint would hold after a step."""
    model = fresh_model(job, VOCABULARY)
    measure_targets(model, batches)
    step = TrainStep(job, model)
    step.run(0, batches)
    return copy.deepcopy({"model": model.state_dict(), "optimizer": step.optimizer.state_dict()})


def test_a_whole_state_is_taken_whole(make_job, make_batches):
    job = make_job()
    state = trained(job, make_batches(job))
    step = TrainStep(job, fresh_model(job, VOCABULARY))
    assert not restore(step.model, step.optimizer, state)
    assert all(torch.equal(t, state["model"][n]) for n, t in step.model.state_dict().items())
    assert len(step.optimizer.state) == len(state["optimizer"]["state"])


def test_a_translator_that_is_not_in_it_stays_fresh_and_moments_stay_with_their_weights(
    make_job, make_batches
):
    job, alone = make_job(), make_job(cyclic=0.0)
    state = trained(alone, make_batches(alone))
    step = TrainStep(job, fresh_model(job, VOCABULARY))
    assert restore(step.model, step.optimizer, state)
    fresh = fresh_model(job, VOCABULARY).state_dict()
    for name, tensor in step.model.state_dict().items():
        assert torch.equal(tensor, state["model"].get(name, fresh[name])), name
    names = dict(step.model.named_parameters())
    for number, (name, parameter) in enumerate(names.items()):
        moments = step.optimizer.state.get(parameter)
        assert (moments is not None) == (not name.startswith("translator.")), name
        if moments is not None:
            kept = state["optimizer"]["state"][number]
            assert torch.equal(moments["exp_avg"], kept["exp_avg"]), name
    measure_targets(step.model, make_batches(job))
    step.run(1, make_batches(job, 1))
    assert len(step.optimizer.state) == len(names)


def test_a_state_of_another_model_is_refused(make_job, make_batches):
    job = make_job()
    state = trained(job, make_batches(job))
    step = TrainStep(make_job(cyclic=0.0), fresh_model(make_job(cyclic=0.0), VOCABULARY))
    with pytest.raises(RuntimeError, match=r"translator\."):
        restore(step.model, step.optimizer, state)
