"""Tests of the contrastive losses over several gloo processes, each against one process."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch import multiprocessing as mp
from torch.utils._python_dispatch import TorchDispatchMode

from configs.objectives import MilNceConfig, ObjectivesConfig
from trainers.losses.contrastive import build_contrastive, similarity_figures

SHARES = {"even_2": [4, 4], "uneven_3": [5, 1, 4], "uneven_4": [3, 1, 0, 6]}
WIDTH, NUM_WINDOWS, CHUNK = 16, 3, 2
WAYS = {
    f"{kind} {mode} {form}": ObjectivesConfig(
        contrastive=kind,
        mil_nce=MilNceConfig(positives_in_denominator=mode, form=form, chunk=CHUNK),
    )
    for kind in ("mil_nce", "info_nce")
    for mode in ("twice", "once")
    for form in ("local", "chunked", "ring")
} | {kind: ObjectivesConfig(contrastive=kind) for kind in ("nce", "max_margin")}


class LargestTensor(TorchDispatchMode):
    """Notes the most elements that any tensor has that is made under it."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else [made]:
            if isinstance(one, Tensor):
                self.elements = max(self.elements, one.numel())
        return made


def batch(num_clips: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num_clips)
    video = torch.randn(num_clips, WIDTH, generator=generator)
    text = torch.randn(num_clips, NUM_WINDOWS, WIDTH, generator=generator)
    mask = torch.rand(num_clips, NUM_WINDOWS, generator=generator) > 0.3
    mask[:, 0] = True
    ids = torch.randint(0, num_clips // 2, (num_clips,), generator=generator)
    return video, text, mask, ids


def results_of(config: ObjectivesConfig, own: list[Tensor], num_clips: int) -> dict:
    video, text, mask, ids = own
    inputs = [video.requires_grad_(), text.requires_grad_()]
    with LargestTensor() as largest:
        loss_B = build_contrastive(config).per_clip(*inputs, mask, ids)
        total = loss_B.sum() / num_clips
        grads = torch.autograd.grad(total, inputs)
    return {"loss": total.detach(), "grads": grads, "largest": largest.elements}


def run_rank(rank: int, shares: list[int], folder: str) -> None:
    torch.set_num_threads(1)
    init = f"file://{folder}/init"
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=len(shares))
    own = slice(sum(shares[:rank]), sum(shares[: rank + 1]))
    parts = [x[own] for x in batch(sum(shares))]
    found: dict = {name: results_of(config, parts, sum(shares)) for name, config in WAYS.items()}
    found["figures"] = similarity_figures(*parts)
    torch.save(found, Path(folder) / f"rank{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module", params=list(SHARES))
def over_ranks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[int], list[dict]]:
    shares, folder = SHARES[request.param], tmp_path_factory.mktemp(request.param)
    # Ranks are forked from a process that has imported all and run nothing.
    multiprocessing.set_forkserver_preload(["trainers.losses.contrastive"])
    mp.start_processes(
        run_rank, (shares, str(folder)), nprocs=len(shares), start_method="forkserver"
    )
    files = [folder / f"rank{rank}.pt" for rank in range(len(shares))]
    return shares, [torch.load(file, weights_only=True) for file in files]


@pytest.fixture
def expected() -> Callable[[int, str], dict]:
    return lambda num_clips, way: results_of(WAYS[way], list(batch(num_clips)), num_clips)


def relative(got: Tensor, expected: Tensor) -> float:
    return ((got - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("way", WAYS)
def test_ranks_together_have_the_loss_and_gradient_of_one_process(
    over_ranks: tuple[list[int], list[dict]], expected: Callable[[int, str], dict], way: str
) -> None:
    shares, ranks = over_ranks
    single = expected(sum(shares), way)
    assert relative(sum(rank[way]["loss"] for rank in ranks), single["loss"]) <= 1e-5
    for part, wanted in enumerate(single["grads"]):
        got = torch.cat([rank[way]["grads"][part] for rank in ranks])
        assert relative(got, wanted) <= 1e-5


def test_the_gradient_is_not_the_one_over_w_of_the_public_code(
    over_ranks: tuple[list[int], list[dict]], expected: Callable[[int, str], dict]
) -> None:
    # Its AllGather keeps its own slice of the gradient, and DDP's mean then leaves 1/W of it.
    shares, ranks = over_ranks
    for way in WAYS:
        for part, wanted in enumerate(expected(sum(shares), way)["grads"]):
            got = torch.cat([rank[way]["grads"][part] for rank in ranks])
            assert (got.norm() / wanted.norm()).item() == pytest.approx(1.0, abs=1e-5)


def test_in_a_ring_no_rank_holds_the_embeddings_of_all(
    over_ranks: tuple[list[int], list[dict]],
) -> None:
    shares, ranks = over_ranks
    everyone = sum(shares) * NUM_WINDOWS * WIDTH
    held = max(shares) * (NUM_WINDOWS + 1) * WIDTH
    for rank in ranks:
        assert rank["mil_nce twice ring"]["largest"] <= max(held, 2 * CHUNK * max(shares) * 3)
        assert rank["mil_nce twice chunked"]["largest"] >= everyone


def test_figures_of_ranks_add_up_to_those_of_one_process(
    over_ranks: tuple[list[int], list[dict]],
) -> None:
    shares, ranks = over_ranks
    for name, wanted in similarity_figures(*batch(sum(shares))).items():
        got = sum(rank["figures"][name] for rank in ranks)
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-5)
