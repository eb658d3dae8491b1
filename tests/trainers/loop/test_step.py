import numpy as np
import pytest
import torch

from trainers.data.batch import Batch
from trainers.loop.fresh import fresh_model, measure_targets
from trainers.loop.step import NonFiniteLoss, TrainStep

VOCABULARY = 50


def make_batches(job, step=0):
    """Return one micro-batch for each virtual rank; two clips share a video, some windows lack."""
    training = job.training
    size = training.global_batch // training.virtual_ranks
    batches = []
    for rank in range(training.virtual_ranks):
        random = np.random.default_rng([step, rank])
        tokens_BKL = torch.from_numpy(random.integers(1, VOCABULARY, (size, 3, 8)))
        tokens_BKL[:, :, 5:] = 0
        tokens_BKL[0, 2] = 0
        frames = random.integers(0, 256, (size, 8, 24, 24, 3), np.uint8)
        mask_BK = (tokens_BKL != 0).any(dim=2)
        videos = torch.arange(size) + rank * (size - 1)
        rows = torch.arange(size) + rank * size
        batches.append(Batch(torch.from_numpy(frames), tokens_BKL, mask_BK, videos, rows, rows < 0))
    return batches


def run_steps(job, num_steps=4, dtype=torch.float32):
    torch.set_num_threads(1)
    model = fresh_model(job, VOCABULARY).to(dtype)
    measure_targets(model, make_batches(job))
    train = TrainStep(job, model)
    results = [train.run(step, make_batches(job, step)) for step in range(num_steps)]
    return model, results


def test_cached_gradients_give_the_same_curve_and_weights(make_job):
    kept_model, kept = run_steps(make_job(gradient_cache=False))
    cached_model, cached = run_steps(make_job(gradient_cache=True))
    for one, other in zip(kept, cached, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-5)
        assert other.cyclic == pytest.approx(one.cyclic, rel=1e-5)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-4)
    states = zip(kept_model.named_buffers(), cached_model.named_buffers(), strict=True)
    for (name, one), (_, other) in states:
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5, msg=name)


def test_the_gradient_is_that_of_the_loss_of_the_whole_global_batch(make_job):
    job = make_job(cyclic=0.0, virtual_ranks=1)
    model = fresh_model(job, VOCABULARY)
    train = TrainStep(job, model)
    batch = make_batches(job)[0]
    output = train.objectives(batch)
    train.objectives.mil_nce(
        output.video_BD, output.text_BKD, batch.mask_BK, batch.video_ids_B
    ).backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters()])
    train.run(0, [batch])
    assert (train._buffer.gradients_P - wanted).norm() <= 1e-5 * wanted.norm()


def test_running_statistics_move_once_a_step(make_job):
    for cache in (False, True):
        model, _ = run_steps(make_job(gradient_cache=cache), num_steps=3)
        counts = {int(b) for name, b in model.named_buffers() if name.endswith("tracked")}
        assert counts == {3}


def test_virtual_ranks_draw_their_own_dropout(make_job):
    job = make_job()
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    batch = make_batches(job)[0]
    with torch.no_grad():
        first, again, other, later = (
            train._forward(step, rank, batch).cyclic.total.item()
            for step, rank in ((0, 0), (0, 0), (0, 1), (1, 0))
        )
    assert first == again
    assert len({first, other, later}) == 3


def test_steps_on_one_batch_learn_it(make_job):
    job = make_job(steps=60, virtual_ranks=1, lr=1e-2, cyclic=0.1)
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    losses = [train.run(step, make_batches(job)).mil_nce for step in range(40)]
    # Positives are counted twice in the denominator: the floor is log 2.
    assert losses[0] > 2.0
    assert 0.69 < losses[-1] < 0.5 * losses[0]


def test_a_gradient_is_clipped_to_the_norm_that_is_set(make_job):
    job = make_job(grad_clip=0.01)
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    result = train.run(0, make_batches(job))
    assert result.grad_norm > 0.01
    assert train._buffer.gradients_P.norm().item() == pytest.approx(0.01, rel=1e-4)


def test_a_loss_that_is_not_finite_leaves_the_weights_alone(make_job):
    job = make_job()
    model = fresh_model(job, VOCABULARY)
    train = TrainStep(job, model)
    with torch.no_grad():
        model.text.fc2.bias[0] = float("nan")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(NonFiniteLoss, match=r"step 1: .*training\.lr"):
        train.run(0, make_batches(job))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor.nan_to_num(7.0), before[name].nan_to_num(7.0)), name


def test_a_wish_to_stop_reaches_the_result(make_job):
    job = make_job()
    train = TrainStep(job, fresh_model(job, VOCABULARY))
    assert not train.run(0, make_batches(job)).stop
    assert train.run(1, make_batches(job), stop=True).stop
