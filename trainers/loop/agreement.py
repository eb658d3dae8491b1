"""Whether all workers hold the same weights, to the bit.

Every worker makes the same update by itself, so equal weights stay equal: unless a processor or a
memory errs, or a change of the code lets workers disagree. Nothing else would tell; the loss would
only become a little worse.
"""

import torch
from torch import Tensor, nn

from trainers.collectives import all_gather_rows, num_ranks, rank_of

_CHUNK = 2**20


class WeightsDiffer(RuntimeError):  # noqa: N818 - it names a state
    """Workers of one run hold different weights."""


def refuse_different_weights(model: nn.Module, step: int) -> None:
    """Do nothing while all workers have equal weights and buffers. A collective operation.

    Raises:
        WeightsDiffer: On every worker, naming the workers that disagree with the first, and where.
    """
    if num_ranks() == 1:
        return
    state = model.state_dict()
    own_1T = torch.stack([fingerprint(tensor) for tensor in state.values()]).unsqueeze(0)
    all_WT = all_gather_rows(own_1T, [1] * num_ranks())
    differs_WT = all_WT != all_WT[0]
    if not differs_WT.any():
        return
    workers = differs_WT.any(dim=1).nonzero().flatten().tolist()
    tensors = [name for name, differs in zip(state, differs_WT.any(dim=0), strict=True) if differs]
    raise WeightsDiffer(
        f"after step {step} all workers must hold the weights of worker 0, got others on workers "
        f"{workers} (this is worker {rank_of()}) in {len(tensors)} of {len(state)} tensors, the "
        f"first: {tensors[0]}; a processor or memory may be at fault"
    )


def fingerprint(tensor: Tensor) -> Tensor:
    """Return an int64 that differs for certain where one element differs, in whatever bit.

    A sum of the elements' bits, each times an odd number of its own, modulo 2^64: on the device,
    in passes of bounded size.
    """
    bytes_N = tensor.detach().contiguous().flatten().view(torch.uint8)
    width = next(size for size in (4, 2, 1) if len(bytes_N) % size == 0)
    words_N = bytes_N.view({4: torch.int32, 2: torch.int16, 1: torch.uint8}[width])
    total = torch.zeros((), dtype=torch.int64, device=tensor.device)
    for start in range(0, len(words_N), _CHUNK):
        part_N = words_N[start : start + _CHUNK].long()
        place_N = torch.arange(start, start + len(part_N), device=tensor.device)
        total += (part_N * (place_N * 0x5851F42D4C957F2E + 0x14057B7EF767814F)).sum()
    return total
