"""Tests of trainers/collectives.py."""

from pathlib import Path

import torch
import torch.distributed as dist
from torch import multiprocessing as mp

from trainers.collectives import (
    add_over_ranks,
    all_gather_rows,
    all_gather_with_grad,
    pass_on,
    rows_of_ranks,
)

ROWS = [1, 3, 2]


def run_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    init = f"file://{folder}/init"
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=len(ROWS))
    local = torch.full((ROWS[rank], 2), float(rank), requires_grad=True)
    rows = rows_of_ranks(len(local))
    everyone = all_gather_with_grad(local, rows)
    ((rank + 1) * everyone * torch.arange(6.0).unsqueeze(1)).sum().backward()
    names = all_gather_rows(torch.full((ROWS[rank],), 10 + rank), rows)
    results = {"rows": rows, "everyone": everyone.detach(), "grad": local.grad, "names": names}
    results["passed"] = pass_on(pass_on(torch.full((2,), rank)).wait()).wait()
    add_over_ranks(total := torch.full((2,), rank))
    results["total"] = total
    torch.save(results, Path(folder) / f"rank{rank}.pt")
    dist.destroy_process_group()


def test_unequal_shares_are_joined_in_rank_order_and_gradients_add_up(tmp_path: Path) -> None:
    mp.spawn(run_rank, args=(str(tmp_path),), nprocs=len(ROWS))
    ranks = [torch.load(tmp_path / f"rank{r}.pt", weights_only=True) for r in range(len(ROWS))]
    for rank in ranks:
        assert rank["rows"] == ROWS
        assert rank["everyone"][:, 0].tolist() == [0, 1, 1, 1, 2, 2]
        assert rank["names"].tolist() == [10, 11, 11, 11, 12, 12]
    # Rank r weighs position p by (r + 1) p; the sum over ranks is 6 p.
    got = torch.cat([rank["grad"] for rank in ranks])
    assert got[:, 0].tolist() == [0, 6, 12, 18, 24, 30]
    assert [rank["total"].tolist() for rank in ranks] == [[3, 3]] * 3
    assert [rank["passed"].tolist() for rank in ranks] == [[1, 1], [2, 2], [0, 0]]


def test_without_a_process_group_nothing_happens() -> None:
    local = torch.ones(3, 2)
    assert rows_of_ranks(3) == [3]
    assert all_gather_with_grad(local, [3]) is local
    assert all_gather_rows(local, [3]) is local
