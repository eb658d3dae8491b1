"""`--overfit-one-batch`: a model that works learns one batch by heart, a broken one does not."""

import math

import pytest
import torch

from trainers.loop import folder, overfit
from trainers.loop.overfit import first_batch, floor_of, learned
from trainers.loop.step import TrainStep

CPU = torch.device("cpu")


def losses(job):
    batch, tokenizer = first_batch(job)
    floor = floor_of(job.objectives, batch)
    return overfit.overfit(job, batch, tokenizer.vocabulary, CPU), floor


def test_one_batch_is_learned_within_two_hundred_steps_and_nothing_is_written(make_job):
    job, said = make_job(virtual_ranks=1, lr=1e-2), []
    steps, floor = losses(job)
    assert floor == pytest.approx(math.log(2))
    assert learned(steps, floor, said.append)
    assert said[0].startswith("step 1: contrastive loss")
    assert not folder.run_folder(job.run).exists()


def test_a_model_that_does_not_move_is_found_out(make_job, monkeypatch):
    monkeypatch.setattr(TrainStep, "_apply", lambda self, lr: None)
    monkeypatch.setattr(overfit, "MAX_STEPS", 3)
    assert not learned(*losses(make_job(virtual_ranks=1)), lambda line: None)


def test_the_batch_is_the_first_of_the_run(make_job):
    job = make_job(virtual_ranks=3)
    batch, _ = first_batch(job)
    again, _ = first_batch(job.model_copy(update={"run": job.run.model_copy(update={"name": "b"})}))
    assert len(batch.rows_B) == 2
    assert torch.equal(batch.frames_BTHWC, again.frames_BTHWC)


@pytest.mark.parametrize(
    ("contrastive", "positives", "floor"),
    [("mil_nce", "twice", 2 / 3), ("nce", "once", 0.0), ("max_margin", "twice", 0.0)],
)
def test_the_floor_is_that_of_the_loss(make_job, contrastive, positives, floor):
    job = make_job(virtual_ranks=2)
    batch, _ = first_batch(job)
    batch.mask_BK[1] = False
    mil_nce = job.objectives.mil_nce.model_copy(update={"positives_in_denominator": positives})
    update = {"contrastive": contrastive, "mil_nce": mil_nce}
    found = floor_of(job.objectives.model_copy(update=update), batch)
    assert found == pytest.approx(math.log(2) * floor)
