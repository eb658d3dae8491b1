"""Figures on the `val` split between steps: the same clips, the same batches, no randomness.

Batches have the size of a training batch and are dealt to workers by virtual rank: MIL-NCE has as
many negatives as in training, and the figures do not depend on the number of workers.

Shape letters in this file:
    N  clips of the split    B  clips    K  windows of a bag    D  joint embedding
"""

import logging
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from configs.objectives import Direction, ends_of
from configs.runs import TrainJob
from trainers.collectives import add_over_ranks
from trainers.data.batch import Batch
from trainers.data.loader import fixed_batches
from trainers.data.reader import ClipReader
from trainers.loop.figures import direction_key, told_apart
from trainers.loop.objectives import Objectives
from trainers.losses.cyclic import CyclicLoss
from trainers.losses.translation_error import TranslationError

logger = logging.getLogger(__name__)


class Validation:
    """The validation of one worker. All workers must run it at the same step."""

    def __init__(
        self,
        job: TrainJob,
        objectives: Objectives,
        reader: ClipReader,
        rows_N: np.ndarray,
        ranks: range,
    ) -> None:
        """Prepare.

        Args:
            job: Settings of the run.
            objectives: Model and losses.
            reader: Gives single examples.
            rows_N: Rows of the manifest that are validated on.
            ranks: Virtual ranks of this worker.
        """
        self._job, self._objectives, self._reader = job, objectives, reader
        training = job.training
        micro_batch = training.global_batch // training.virtual_ranks
        self._chunks = [
            [
                rows_N[begin : begin + micro_batch]
                for begin in range(start + ranks.start * micro_batch, stop, micro_batch)
            ][: len(ranks)]
            for start, stop in _spans(len(rows_N), training.global_batch)
        ]
        self._rows_N, self._num_clips = rows_N, len(rows_N)
        if not len(rows_N):
            logger.info("the val split is empty: nothing is validated")

    @torch.no_grad()
    def run(
        self, device: torch.device, beat: Callable[[], None] = lambda: None
    ) -> dict[str, float]:
        """Return the figures over the whole split, equal on all workers; none without clips.

        Args:
            device: Where it is computed.
            beat: Called before each batch: a large split takes longer than a hang may.
        """
        if not self._num_clips:
            return {}
        objectives, sums = self._objectives, _Sums(device, self._widths())
        objectives.eval()
        batches = fixed_batches(
            self._reader,
            [rows for chunk in self._chunks for rows in chunk],
            self._rows_N,
            self._job.data.threads,
        )
        for chunk in self._chunks:
            beat()
            own = [next(batches).to(device) for _ in chunk]
            self._add_batch(own, sums)
        objectives.train()
        return self._figures(sums)

    def _add_batch(self, own: list[Batch], sums: "_Sums") -> None:
        width = self._job.model.video.embedding_dim
        candidates = self._job.objectives.mil_nce.candidates
        # A worker without clips of the last batch still takes part in the exchange.
        videos_BD = [torch.empty(0, width, device=sums.device)]
        texts_BKD = [torch.empty(0, candidates, width, device=sums.device)]
        for batch in own:
            output = self._objectives(batch)
            videos_BD.append(output.video_BD)
            texts_BKD.append(output.text_BKD)
            if output.cyclic is not None:
                sums.add_cyclic(output.cyclic, len(output.video_BD))
        loss_B = self._objectives.mil_nce_per_clip(torch.cat(videos_BD), torch.cat(texts_BKD), own)
        sums.mil_nce += loss_B.double().sum()

    def _widths(self) -> dict[Direction, int]:
        """Return how wide the target of each direction is."""
        translator = self._objectives.model.translator
        if translator is None:
            return {}
        directions = self._job.objectives.cyclic.directions
        means = {d: translator.get_buffer(f"standardise.{ends_of(d)[1]}.mean") for d in directions}
        return {direction: len(mean_C) for direction, mean_C in means.items()}

    def _figures(self, sums: "_Sums") -> dict[str, float]:
        weights = self._job.objectives
        mil_nce, cyclic = sums.over_workers()
        values = {"val/mil_nce": mil_nce / self._num_clips}
        # Without their schedules, so that the loss of one step can be compared with another's.
        loss = weights.mil_nce.weight * values["val/mil_nce"]
        if self._objectives.cyclic is not None:
            values["val/cyclic"] = cyclic / self._num_clips
            errors = {direction: error.relative for direction, error in sums.errors.items()}
            values["val/cyclic_relative_error"] = sum(errors.values()) / len(errors)
            values |= {
                direction_key("val/cyclic_relative_error", direction): errors[direction]
                for direction in told_apart(weights.cyclic)
            }
            loss += weights.cyclic.weight * values["val/cyclic"]
        return {"val/loss": loss, **values}


class _Sums:
    """Sums in fp64 over a worker's clips, and over workers in one exchange."""

    def __init__(self, device: torch.device, widths: Mapping[Direction, int]) -> None:
        self.device = device
        self.mil_nce = torch.zeros((), dtype=torch.float64, device=device)
        self._cyclic = torch.zeros((), dtype=torch.float64, device=device)
        self.errors = {d: TranslationError.nothing(width, device) for d, width in widths.items()}

    def add_cyclic(self, loss: CyclicLoss, num_clips: int) -> None:
        self._cyclic += loss.total.double() * num_clips
        for direction, translation in loss.directions.items():
            self.errors[direction] += translation.error

    def over_workers(self) -> tuple[float, float]:
        """Turn all sums into those over all workers; return those of the two losses."""
        rows = [torch.stack([self.mil_nce, self._cyclic])]
        rows += [error.flat() for error in self.errors.values()]
        flat = torch.cat(rows)
        add_over_ranks(flat)
        parts: tuple[Tensor, ...] = flat.split([len(row) for row in rows])
        for direction, part in zip(self.errors, parts[1:], strict=True):
            self.errors[direction] = TranslationError.from_flat(part)
        return flat[0].item(), flat[1].item()


def _spans(num_clips: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each batch; the last may be smaller."""
    for start in range(0, num_clips, size):
        yield start, min(start + size, num_clips)
