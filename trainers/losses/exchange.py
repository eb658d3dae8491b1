"""How a worker meets the clips of all workers.

`visits` shows the workers' clips, one worker at a time, as often as it is called:

    Gathered   one all-gather; workers are visited in their order
    Ring       embeddings go from worker to worker, each holds its own and two others';
               its own come first, then those of the worker before it, and so on

No gradient travels: what a worker's clips get from a pair of clips is worked out by that worker.

Shape letters in this file:
    B  clips of this worker    J  clips of a visited worker    G  clips of all workers
    M  the most clips that a worker has    K  narrations in a bag    D  joint embedding
    F  D (K + 1), a clip and its bag in one row
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from trainers.collectives import all_gather_rows, num_ranks, pass_on, rank_of, rows_of_ranks
from trainers.losses.bags import Bags


class Visit(NamedTuple):
    """The clips of one worker."""

    rank: int
    bags: Bags


class Workers:
    """How many clips each worker has, and where they stand among all."""

    def __init__(self, own: Bags) -> None:
        """Exchange the numbers. A collective operation."""
        self._rows = rows_of_ranks(len(own.video_BD), own.video_BD.device)

    def place(self, rank: int) -> slice:
        """Return where a worker's clips stand among those of all."""
        begin = sum(self._rows[:rank])
        return slice(begin, begin + self._rows[rank])

    def gather(self, own_B: Tensor) -> Tensor:
        """Return the values of all workers' clips, G. A collective operation."""
        return all_gather_rows(own_B, self._rows)


class Gathered(Workers):
    """All clips of all workers, in the memory of each."""

    def __init__(self, own: Bags) -> None:
        """Gather. A collective operation."""
        super().__init__(own)
        ids_B = own.video_ids_B
        self._everyone = Bags(
            self.gather(own.video_BD),
            self.gather(own.text_BKD),
            self.gather(own.mask_BK.to(torch.uint8)).bool(),
            None if ids_B is None else self.gather(ids_B),
        )

    def visits(self) -> Iterator[Visit]:
        """Visit all workers."""
        for rank in range(len(self._rows)):
            place = self.place(rank)
            yield Visit(rank, self._everyone.part(place.start, place.stop))


class Ring(Workers):
    """Clips that travel from worker to worker, of which there are several."""

    def __init__(self, own: Bags) -> None:
        """Exchange masks and names, which are small. A collective operation."""
        super().__init__(own)
        self._own = own
        self._masks = self.gather(own.mask_BK.to(torch.uint8)).bool()
        ids_B = own.video_ids_B
        self._ids = None if ids_B is None else self.gather(ids_B)

    def visits(self) -> Iterator[Visit]:
        """Visit all workers. A collective operation: all go through to the end."""
        held_MF = self._packed()
        for step in range(len(self._rows)):
            last = step == len(self._rows) - 1
            arrival = None if last else pass_on(held_MF)
            rank = (rank_of() - step) % len(self._rows)
            yield Visit(rank, self._bags(rank, held_MF))
            if arrival is not None:
                held_MF = arrival.wait()

    def _packed(self) -> Tensor:
        own = self._own
        flat_BF = torch.cat([own.video_BD.unsqueeze(1), own.text_BKD], dim=1).flatten(1)
        held_MF = flat_BF.new_zeros(max(self._rows), flat_BF.shape[1])
        held_MF[: len(flat_BF)] = flat_BF
        return held_MF

    def _bags(self, rank: int, held_MF: Tensor) -> Bags:
        num_windows, width = self._own.text_BKD.shape[1:]
        held = held_MF[: self._rows[rank]].unflatten(1, (num_windows + 1, width))
        place = self.place(rank)
        ids_J = None if self._ids is None else self._ids[place]
        return Bags(held[:, 0], held[:, 1:], self._masks[place], ids_J)


def meet(own: Bags, *, ring: bool) -> Gathered | Ring:
    """Return an exchange with the clips of all workers. A collective operation."""
    return Ring(own) if ring and num_ranks() > 1 else Gathered(own)
