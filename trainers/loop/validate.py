"""Figures on the `val` split between steps: the same clips, the same batches, no randomness.

Batches have the size of a training batch and are dealt to workers by virtual rank: MIL-NCE has as
many negatives as in training, and the figures do not depend on the number of workers.

Shape letters in this file:
    N  clips of the split    B  clips    K  windows of a bag    D  joint embedding
"""

import logging
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from configs.runs import TrainJob
from trainers.collectives import add_over_ranks
from trainers.data.batch import Batch
from trainers.data.loader import fixed_batches
from trainers.data.reader import ClipReader
from trainers.loop.objectives import Objectives
from trainers.losses.cyclic import CyclicLoss, TranslationError

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
        objectives, sums = self._objectives, _Sums(device)
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

    def _figures(self, sums: "_Sums") -> dict[str, float]:
        weights = self._job.objectives
        mil_nce, cyclic, error = sums.over_workers(self._job.model.text.word_dim)
        values = {"val/mil_nce": mil_nce / self._num_clips}
        loss = weights.mil_nce.weight * values["val/mil_nce"]
        if self._objectives.cyclic is not None:
            values["val/cyclic"] = cyclic / self._num_clips
            values["val/cyclic_relative_error"] = error.relative
            loss += weights.cyclic.weight * values["val/cyclic"]
        return {"val/loss": loss, **values}


class _Sums:
    """Sums in fp64 over a worker's clips, and over workers in one exchange."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.mil_nce = torch.zeros((), dtype=torch.float64, device=device)
        self._cyclic = torch.zeros((), dtype=torch.float64, device=device)
        self._error: TranslationError | None = None

    def add_cyclic(self, loss: CyclicLoss, num_clips: int) -> None:
        self._cyclic += loss.total.double() * num_clips
        self._error = loss.error if self._error is None else self._error + loss.error

    def over_workers(self, width: int) -> tuple[float, float, TranslationError]:
        """Return the sums over all workers, `width` being that of a word embedding."""
        flat = torch.zeros(3 + 3 * width, dtype=torch.float64, device=self.device)
        flat[0], flat[1] = self.mil_nce, self._cyclic
        if self._error is not None:
            flat[2] = self._error.positions
            flat[3:] = torch.cat(
                [
                    self._error.squared_error_C,
                    self._error.target_C,
                    self._error.squared_target_C,
                ]
            )
        add_over_ranks(flat)
        parts: tuple[Tensor, ...] = flat[3:].split(width)
        return flat[0].item(), flat[1].item(), TranslationError(*parts, positions=flat[2])


def _spans(num_clips: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each batch; the last may be smaller."""
    for start in range(0, num_clips, size):
        yield start, min(start + size, num_clips)
