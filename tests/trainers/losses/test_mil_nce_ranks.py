"""Tests of trainers/losses/mil_nce.py over several gloo processes."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch import multiprocessing as mp

from configs.objectives import MilNceConfig
from trainers.losses.mil_nce import MilNce

SHARES = {"even_2": [4, 4], "uneven_2": [7, 3], "even_4": [2, 2, 2, 2], "uneven_4": [3, 1, 4, 2]}


def batch(num_clips: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num_clips)
    video = torch.randn(num_clips, 16, generator=generator)
    text = torch.randn(num_clips, 3, 16, generator=generator)
    mask = torch.rand(num_clips, 3, generator=generator) > 0.3
    mask[:, 0] = True
    ids = torch.randint(0, num_clips // 2, (num_clips,), generator=generator)
    return video, text, mask, ids


def run_rank(rank: int, shares: list[int], folder: str) -> None:
    torch.set_num_threads(1)
    init = f"file://{folder}/init"
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=len(shares))
    own = slice(sum(shares[:rank]), sum(shares[: rank + 1]))
    video, text, mask, ids = (x[own] for x in batch(sum(shares)))
    inputs = [video.requires_grad_(), text.requires_grad_()]
    results = {}
    for mode in ("twice", "once"):
        loss = MilNce(MilNceConfig(positives_in_denominator=mode))
        total = loss.per_clip(*inputs, mask, ids).sum() / sum(shares)
        mean = loss(*inputs, mask, ids)
        results[mode] = {
            "loss": total.detach(),
            "mean": mean.detach(),
            "grads": torch.autograd.grad(total, inputs),
        }
    torch.save(results, Path(folder) / f"rank{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module", params=list(SHARES))
def over_ranks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[int], list[dict]]:
    shares, folder = SHARES[request.param], tmp_path_factory.mktemp(request.param)
    mp.spawn(run_rank, args=(shares, str(folder)), nprocs=len(shares))
    files = [folder / f"rank{rank}.pt" for rank in range(len(shares))]
    return shares, [torch.load(file, weights_only=True) for file in files]


def in_one_process(num_clips: int, mode: str) -> tuple[Tensor, tuple[Tensor, ...]]:
    video, text, mask, ids = batch(num_clips)
    inputs = [video.requires_grad_(), text.requires_grad_()]
    loss = MilNce(MilNceConfig(positives_in_denominator=mode))(*inputs, mask, ids)
    return loss.detach(), torch.autograd.grad(loss, inputs)


def relative(got: Tensor, expected: Tensor) -> float:
    return ((got - expected).norm() / expected.norm()).item()


def test_ranks_together_have_the_loss_and_gradient_of_one_process(
    over_ranks: tuple[list[int], list[dict]],
) -> None:
    shares, ranks = over_ranks
    for mode in ("twice", "once"):
        loss, grads = in_one_process(sum(shares), mode)
        assert relative(sum(rank[mode]["loss"] for rank in ranks), loss) <= 1e-5
        for part, expected in enumerate(grads):
            got = torch.cat([rank[mode]["grads"][part] for rank in ranks])
            assert relative(got, expected) <= 1e-5
        for share, rank in zip(shares, ranks, strict=True):
            mean = rank[mode]["loss"] * sum(shares) / share
            torch.testing.assert_close(rank[mode]["mean"], mean)


def test_the_gradient_is_not_the_one_over_w_of_the_public_code(
    over_ranks: tuple[list[int], list[dict]],
) -> None:
    # Its AllGather keeps its own slice of the gradient, and DDP's mean then leaves 1/W of it.
    shares, ranks = over_ranks
    _, grads = in_one_process(sum(shares), "twice")
    for part, expected in enumerate(grads):
        got = torch.cat([rank["twice"]["grads"][part] for rank in ranks])
        assert (got.norm() / expected.norm()).item() == pytest.approx(1.0, abs=1e-5)
