import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from configs.data import DataConfig
from configs.runs import TrainJob
from trainers.loop.estimate import describe_estimate, estimate
from trainers.loop.fresh import fresh_model, num_parameters


def test_the_published_model_needs_the_operations_that_its_authors_counted():
    job = TrainJob(data=DataConfig(num_frames=32, size=224, resize=256))
    found = estimate(job)
    assert found.flops_per_clip == pytest.approx(74.2e9, rel=0.005)


def test_the_plan_counts_what_a_real_pass_takes(make_job):
    job = make_job(cyclic=0.0)
    model = fresh_model(job, job.model.text.vocabulary)
    frames = torch.zeros(1, 8, 24, 24, 3, dtype=torch.uint8)
    tokens = torch.ones(3, 8, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model.video(frames)
        model.text(tokens)
    found = estimate(job)
    assert found.flops_per_clip == counter.get_total_flops()
    assert found.parameters == num_parameters(model)
    # Weights, gradient and two moments.
    assert found.weights >= 6 * 4 * found.parameters


def test_memory_follows_the_share_of_a_worker(make_job):
    one = estimate(make_job(workers=1))
    three = estimate(make_job(workers=3))
    assert one.activations == 3 * three.activations
    assert one.frames == 3 * three.frames == 6 * 8 * 24 * 24 * 3
    cached = estimate(make_job(workers=1, gradient_cache=True))
    assert cached.activations == three.activations
    assert one.total > cached.total
    assert estimate(make_job(workers=0)) == one


def test_what_is_kept_is_what_autograd_keeps(make_job):
    """Within a third: kernels differ in what they keep beside their inputs."""
    job = make_job(cyclic=0.0, virtual_ranks=1)
    model = fresh_model(job, job.model.text.vocabulary)
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.video(torch.zeros(6, 8, 24, 24, 3, dtype=torch.uint8))
        model.text(torch.ones(18, 8, dtype=torch.int64))
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    real = sum(size for place, (size, _) in kept.items() if place not in weights)
    assert estimate(job).activations == pytest.approx(real, rel=0.33)


def test_the_plan_is_readable(make_job):
    model, memory = describe_estimate(estimate(make_job()))
    assert "million parameters" in model
    assert "MiB on each worker" in memory
