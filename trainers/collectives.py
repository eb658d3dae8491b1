"""Collectives that autograd understands, for shares of unequal size.

Without a process group each of them is the identity, so a loss is written once for one process
and for many.

Shape letters in this file:
    B  rows on this rank    G  rows on all ranks, in rank order
"""

from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function

from trainers.waits import waiting


def rows_of_ranks(num_rows: int, device: torch.device | None = None) -> list[int]:
    """Return the number of rows that each rank has, in rank order.

    Args:
        num_rows: This rank's rows.
        device: Where the process group can communicate; the CPU by default.
    """
    if not _many():
        return [num_rows]
    own = torch.tensor([num_rows], device=device)
    counts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    with waiting(own.device):
        dist.all_gather(counts, own)
    return [int(count) for count in counts]


def all_gather_rows(local: Tensor, rows: list[int]) -> Tensor:
    """Concatenate the ranks' tensors along the first dimension, without a gradient.

    Args:
        local: This rank's rows.
        rows: What `rows_of_ranks` returned.
    """
    if not _many():
        return local
    # Gloo gathers equal shapes only: pad to the largest share, and cut the padding off again.
    sent = local.new_zeros((max(rows), *local.shape[1:]))
    sent[: len(local)] = local
    received = [torch.empty_like(sent) for _ in rows]
    with waiting(sent.device):
        dist.all_gather(received, sent)
    return torch.cat([part[:count] for part, count in zip(received, rows, strict=True)])


def all_gather_with_grad(local: Tensor, rows: list[int]) -> Tensor:
    """Like `all_gather_rows`, and a row's gradient is the sum over all ranks that used it.

    Summing is what makes the sum over ranks of a local loss have the gradient of the whole. The
    public MIL-NCE code keeps its own slice only and so trains with 1/W of the gradient.
    """
    return _AllGather.apply(local, rows) if _many() else local


def rank_of() -> int:
    """Return this process' rank; 0 without a process group."""
    return dist.get_rank() if _many() else 0


def num_ranks() -> int:
    """Return how many ranks there are; 1 without a process group."""
    return dist.get_world_size() if _many() else 1


def add_over_ranks(tensor: Tensor) -> None:
    """Put the sum over ranks in place of each rank's tensor."""
    if _many():
        with waiting(tensor.device):
            dist.all_reduce(tensor)


class Arrival(NamedTuple):
    """A tensor that is under way from the rank before."""

    received: Tensor
    sent: Tensor
    """Kept here: nobody else may hold it while it is under way."""
    works: list[dist.Work]

    def wait(self) -> Tensor:
        """Return the tensor when it is here, and the one that was sent is free again."""
        with waiting(self.received.device):
            for work in self.works:
                work.wait()
        return self.received


def pass_on(tensor: Tensor) -> Arrival:
    """Send a tensor to the next rank and take that of the rank before, in the background.

    Ranks form a ring, and all of them must call this with equal shapes. There must be several.
    """
    tensor, received = tensor.contiguous(), torch.empty_like(tensor)
    following = (dist.get_rank() + 1) % dist.get_world_size()
    before = (dist.get_rank() - 1) % dist.get_world_size()
    sent = dist.P2POp(dist.isend, tensor, following)
    taken = dist.P2POp(dist.irecv, received, before)
    return Arrival(received, tensor, dist.batch_isend_irecv([sent, taken]))


class _AllGather(Function):
    @staticmethod
    def forward(ctx: Any, local: Tensor, rows: list[int]) -> Tensor:
        rank = dist.get_rank()
        ctx.own = slice(sum(rows[:rank]), sum(rows[: rank + 1]))
        return all_gather_rows(local, rows)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        gradient = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        with waiting(gradient.device):
            dist.all_reduce(gradient)
        return gradient[ctx.own], None


def _many() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
