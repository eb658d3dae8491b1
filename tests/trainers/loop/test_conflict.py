"""The objectives' own gradients, beside those of one graph for each."""

import pytest
import torch

from trainers.loop.fresh import fresh_model, measure_targets
from trainers.loop.step import TrainStep

VOCABULARY = 50


def own_gradients(job, batches):
    """Return the gradient of each weighted objective, from one graph over all micro-batches."""
    gradients = []
    for objective in ("mil_nce", "cyclic"):
        model = fresh_model(job, VOCABULARY)
        measure_targets(model, batches)
        model.train()
        step = TrainStep(job, model)
        outputs = [step._forward(0, rank, batch) for rank, batch in enumerate(batches)]
        weights = step._weights(0)
        if objective == "mil_nce":
            videos = torch.cat([output.video_BD for output in outputs])
            texts = torch.cat([output.text_BKD for output in outputs])
            loss = step.objectives.mil_nce_per_clip(videos, texts, batches).mean()
            loss = weights.mil_nce * loss
        else:
            totals = torch.stack([output.cyclic.total for output in outputs])
            loss = weights.cyclic * totals.mean()
        loss.backward()
        gradients.append(
            {
                name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
                for name, p in model.named_parameters()
            }
        )
    return gradients


def flat(gradient, without=""):
    kept = [g.flatten() for n, g in gradient.items() if not (without and n.startswith(without))]
    return torch.cat(kept).double()


@pytest.mark.parametrize("cached", [False, True])
def test_norms_and_cosine_are_those_of_each_objective_over_the_global_batch(
    make_job, make_batches, cached
):
    job = make_job(gradients_every=1, gradient_cache=cached)
    batches = make_batches(job)
    mil_nce, cyclic = own_gradients(job, batches)
    model = fresh_model(job, VOCABULARY)
    measure_targets(model, batches)
    figures = TrainStep(job, model).run(0, batches).figures
    near = {"rel": 1e-4}
    assert figures["train/grad_norm_mil_nce"] == pytest.approx(flat(mil_nce).norm().item(), **near)
    assert figures["train/grad_norm_cyclic"] == pytest.approx(flat(cyclic).norm().item(), **near)
    one, other = (flat(each, without="translator.") for each in (mil_nce, cyclic))
    cosine = (one @ other / (one.norm() * other.norm())).item()
    assert abs(cosine) > 1e-3
    assert figures["train/gradient_cosine"] == pytest.approx(cosine, rel=1e-3)


def test_a_look_at_the_gradients_leaves_the_step_as_it_was(make_job, make_batches):
    states = []
    for every in (0, 1):
        job = make_job(gradients_every=every, everything=True)
        model = fresh_model(job, VOCABULARY)
        measure_targets(model, make_batches(job, sound=True))
        step = TrainStep(job, model)
        for number in range(2):
            figures = step.run(number, make_batches(job, number, sound=True)).figures
        assert ("train/gradient_cosine" in figures) == bool(every)
        states.append(model.state_dict())
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def with_weight(job, weight):
    mil_nce = job.objectives.mil_nce.model_copy(update={"weight": weight})
    objectives = job.objectives.model_copy(update={"mil_nce": mil_nce})
    return job.model_copy(update={"objectives": objectives})


def test_one_objective_alone_is_not_told_apart(make_job, make_batches):
    for job in (
        make_job(cyclic=0.0, gradients_every=1),
        with_weight(make_job(gradients_every=1), 0),
    ):
        figures = TrainStep(job, fresh_model(job, VOCABULARY)).run(0, make_batches(job)).figures
        assert figures["train/grad_norm"] > 0
        assert not any("gradient_" in key or "norm_" in key for key in figures)
