"""Sums over workers by NCCL, a GPU each."""

import pytest
import torch
from torch import distributed as dist

from trainers.collectives import all_gather_with_grad, rows_of_ranks
from trainers.loop.gradients import GradientBuffer

WORKERS = 2


def work(worker: int, init: str) -> None:
    device = torch.device("cuda", worker)
    torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl", init_method=init, rank=worker, world_size=WORKERS, device_id=device
    )
    parameter = torch.nn.Parameter(torch.zeros(1000, device=device))
    buffer = GradientBuffer([parameter], num_extras=1)
    buffer.clear()
    (parameter.sum() * (worker + 1)).backward()
    buffer.extras_E += worker
    buffer.add_over_workers()
    assert torch.equal(parameter.grad, torch.full_like(parameter, 3.0))
    assert buffer.extras_E.item() == 1.0

    own = torch.full((worker + 1, 4), float(worker), device=device, requires_grad=True)
    rows = all_gather_with_grad(own, rows_of_ranks(len(own), device))
    assert rows[:, 0].tolist() == [0.0, 1.0, 1.0]
    rows.sum().backward()
    assert torch.equal(own.grad, torch.full_like(own, float(WORKERS)))
    dist.destroy_process_group()


def test_gradients_and_embeddings_are_exchanged_by_nccl(device, tmp_path):
    if torch.cuda.device_count() < WORKERS:
        pytest.skip(f"needs {WORKERS} GPUs, got {torch.cuda.device_count()}")
    torch.multiprocessing.spawn(work, args=(f"file://{tmp_path}/init",), nprocs=WORKERS)
