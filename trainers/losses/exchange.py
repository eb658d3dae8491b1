"""How a worker meets the clips of all workers, and how their gradients come home.

An exchange is passed through once forward and once backward. Each pass visits the workers' clips,
one worker at a time, this one's own first; in the backward pass a visit has room for the
gradient of what was visited, and `home` is what all workers found for this worker's clips.

    Gathered   one all-gather; gradients are added up in one all-reduce
    Ring       embeddings go from worker to worker, each holds its own and two others';
               gradients travel along with what they belong to, and end where it began

Shape letters in this file:
    B  clips of this worker    J  clips of a visited worker    G  clips of all workers
    M  the most clips that a worker has    K  narrations in a bag    D  joint embedding
    F  D (K + 1), a clip and its bag in one row
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.collectives import (
    add_over_ranks,
    all_gather_rows,
    num_ranks,
    pass_on,
    rank_of,
    rows_of_ranks,
)
from trainers.losses.bags import Bags, wide_dtype


class Visit(NamedTuple):
    """The clips of one worker, and in the backward pass where to add their gradient."""

    rank: int
    bags: Bags
    video_grad_JD: Tensor | None = None
    text_grad_JKD: Tensor | None = None


class Gathered:
    """All clips of all workers, in the memory of each."""

    def __init__(self, own: Bags) -> None:
        """Gather. A collective operation, and so are both passes."""
        self._rows = rows_of_ranks(len(own.video_BD), own.video_BD.device)
        self._own = own
        self._everyone = _gather(own, self._rows)

    def forward(self) -> Iterator[Visit]:
        """Visit all workers."""
        for rank, place in self._places():
            bags = self._own if rank == rank_of() else self._everyone.part(place.start, place.stop)
            yield Visit(rank, bags)

    def backward(self) -> Iterator[Visit]:
        """Visit all workers once more, with room for gradients."""
        self._video_grad_GD = _zeros(self._everyone.video_BD)
        self._text_grad_GKD = _zeros(self._everyone.text_BKD)
        for visit, (_, place) in zip(self.forward(), self._places(), strict=True):
            yield visit._replace(
                video_grad_JD=self._video_grad_GD[place], text_grad_JKD=self._text_grad_GKD[place]
            )

    def home(self) -> tuple[Tensor, Tensor]:
        """Return the gradient of this worker's clips and bags, summed over workers."""
        add_over_ranks(self._video_grad_GD)
        add_over_ranks(self._text_grad_GKD)
        _, place = next(self._places())
        return self._video_grad_GD[place], self._text_grad_GKD[place]

    def _places(self) -> Iterator[tuple[int, slice]]:
        for step in range(len(self._rows)):
            rank = (rank_of() - step) % len(self._rows)
            begin = sum(self._rows[:rank])
            yield rank, slice(begin, begin + self._rows[rank])


class Ring:
    """Clips that travel from worker to worker, of which there are several."""

    def __init__(self, own: Bags) -> None:
        """Exchange masks and names, which are small. A collective operation, as both passes are."""
        self._rows = rows_of_ranks(len(own.video_BD), own.video_BD.device)
        self._own = own
        self._masks = all_gather_rows(own.mask_BK.to(torch.uint8), self._rows).bool()
        ids_B = own.video_ids_B
        self._ids = None if ids_B is None else all_gather_rows(ids_B, self._rows)

    def forward(self) -> Iterator[Visit]:
        """Visit all workers."""
        held_MF = self._packed()
        for step in range(len(self._rows)):
            last = step == len(self._rows) - 1
            arrival = None if last else pass_on(held_MF)
            rank = (rank_of() - step) % len(self._rows)
            yield Visit(rank, self._bags(rank, held_MF))
            if arrival is not None:
                held_MF = arrival.wait()

    def backward(self) -> Iterator[Visit]:
        """Visit all workers once more; what was found for a visited one goes on with it."""
        held_MF = self._packed()
        self._grad_MF = _zeros(held_MF)
        for step in range(len(self._rows)):
            last = step == len(self._rows) - 1
            arrival = None if last else pass_on(held_MF)
            rank = (rank_of() - step) % len(self._rows)
            grads = self._unpacked(rank, self._grad_MF)
            yield Visit(rank, self._bags(rank, held_MF), *grads)
            self._grad_MF = pass_on(self._grad_MF).wait()
            if arrival is not None:
                held_MF = arrival.wait()

    def home(self) -> tuple[Tensor, Tensor]:
        """Return the gradient of this worker's clips and bags, summed over workers."""
        return self._unpacked(rank_of(), self._grad_MF)

    def _packed(self) -> Tensor:
        own = self._own
        flat_BF = torch.cat([own.video_BD.unsqueeze(1), own.text_BKD], dim=1).flatten(1)
        held_MF = flat_BF.new_zeros(max(self._rows), flat_BF.shape[1])
        held_MF[: len(flat_BF)] = flat_BF
        return held_MF

    def _unpacked(self, rank: int, held_MF: Tensor) -> tuple[Tensor, Tensor]:
        num_windows, width = self._own.text_BKD.shape[1:]
        held = held_MF[: self._rows[rank]].unflatten(1, (num_windows + 1, width))
        return held[:, 0], held[:, 1:]

    def _bags(self, rank: int, held_MF: Tensor) -> Bags:
        begin = sum(self._rows[:rank])
        place = slice(begin, begin + self._rows[rank])
        ids_J = None if self._ids is None else self._ids[place]
        return Bags(*self._unpacked(rank, held_MF), self._masks[place], ids_J)


def meet(own: Bags, *, ring: bool) -> Gathered | Ring:
    """Return an exchange with the clips of all workers. A collective operation."""
    return Ring(own) if ring and num_ranks() > 1 else Gathered(own)


def _gather(own: Bags, rows: list[int]) -> Bags:
    ids_B = own.video_ids_B
    return Bags(
        all_gather_rows(own.video_BD, rows),
        all_gather_rows(own.text_BKD, rows),
        all_gather_rows(own.mask_BK.to(torch.uint8), rows).bool(),
        None if ids_B is None else all_gather_rows(ids_B, rows),
    )


def _zeros(embeddings: Tensor) -> Tensor:
    return torch.zeros_like(embeddings, dtype=wide_dtype(embeddings))
