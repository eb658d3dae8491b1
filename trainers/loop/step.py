"""One optimiser step over a global batch of V micro-batches, on any number of workers.

The loss is that of the whole global batch: MIL-NCE sees every clip and window of it, and the
cyclic loss is the mean over virtual ranks. Two ways lead to the same gradient:

    graphs kept      every micro-batch's graph lives until one backward pass
    gradient cache   embeddings without graphs first, the loss's gradient at them, then each
                     micro-batch again with its graph (Gao et al., "Scaling Deep Contrastive
                     Learning Batch Size under Memory Limited Setup", 2021)

Shape letters in this file:
    b  clips of this worker    K  windows of a bag    D  joint embedding
    V  virtual ranks    S  batch-norm statistics of one virtual rank    F, P, E  see gradients
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from configs.runs import TrainJob
from trainers.data.batch import Batch
from trainers.data.seeds import derive_seed
from trainers.loop.gradients import GradientBuffer
from trainers.loop.objectives import Forward, Objectives
from trainers.loop.ranks import owned_ranks
from trainers.loop.schedule import learning_rate
from trainers.models.batchnorm import (
    num_statistics,
    statistics_not_recorded,
    take_statistics,
    update_running_statistics,
)
from trainers.models.build import VideoTextModel

_NUM_SUMS = 3
"""Sums over workers beside gradients and statistics: MIL-NCE, cyclic, stop."""


class NonFiniteLoss(RuntimeError):  # noqa: N818 - it names a state
    """Loss or gradient is not a number; the weights were not touched."""


class StepResult(NamedTuple):
    """Figures of one step over the whole global batch, equal on all workers."""

    loss: float
    mil_nce: float
    cyclic: float | None
    grad_norm: float
    lr: float
    stop: bool
    """Whether any worker asked to stop after this step."""


class TrainStep:
    """Owns the optimiser and the flat gradient of a model."""

    def __init__(
        self, job: TrainJob, model: VideoTextModel, worker: int = 0, workers: int = 1
    ) -> None:
        """Prepare the steps of one worker.

        Args:
            job: Settings of the run.
            model: Its weights must be equal on all workers.
            worker: Number of this worker.
            workers: How many there are.
        """
        self.job = job
        self.model = model
        self.objectives = Objectives(job.objectives, model)
        self.optimizer = build_optimizer(job, model)
        self.ranks = owned_ranks(job.training.virtual_ranks, workers, worker)
        self._statistics_shape = (job.training.virtual_ranks, num_statistics(model))
        self._buffer = GradientBuffer(
            model.parameters(), _NUM_SUMS + math.prod(self._statistics_shape)
        )

    def run(self, step: int, batches: Sequence[Batch], *, stop: bool = False) -> StepResult:
        """Do the update that follows `step` finished ones.

        Args:
            step: Finished steps.
            batches: One micro-batch for each of `self.ranks`, in order.
            stop: Whether this worker wants all to stop after this step.

        Raises:
            NonFiniteLoss: On every worker, before the update, if loss or gradient is not finite.
        """
        self.model.train()
        self._buffer.clear()
        if self.job.training.gradient_cache:
            self._backward_cached(step, batches)
        else:
            self._backward_kept(step, batches)
        self._sums[2] += float(stop)
        self._buffer.add_over_workers()
        return self._update(step, batches)

    @property
    def _sums(self) -> Tensor:
        return self._buffer.extras_E[:_NUM_SUMS]

    @property
    def _statistics(self) -> Tensor:
        return self._buffer.extras_E[_NUM_SUMS:].view(self._statistics_shape)

    def _forward(self, step: int, rank: int, batch: Batch) -> Forward:
        torch.manual_seed(derive_seed(self.job.training.seed, step, rank))
        return self.objectives(batch)

    def _backward_kept(self, step: int, batches: Sequence[Batch]) -> None:
        outputs = []
        for rank, batch in zip(self.ranks, batches, strict=True):
            outputs.append(self._forward(step, rank, batch))
            self._statistics[rank] = take_statistics(self.model)
        video_bD = torch.cat([output.video_BD for output in outputs])
        text_bKD = torch.cat([output.text_BKD for output in outputs])
        loss = self._mil_nce(video_bD, text_bKD, batches)
        for output in outputs:
            loss = loss + self._cyclic(output)
        loss.backward()

    def _backward_cached(self, step: int, batches: Sequence[Batch]) -> None:
        videos, texts = [], []
        with torch.no_grad():
            for rank, batch in zip(self.ranks, batches, strict=True):
                output = self._forward(step, rank, batch)
                self._statistics[rank] = take_statistics(self.model)
                videos.append(output.video_BD)
                texts.append(output.text_BKD)
        video_bD = torch.cat(videos).requires_grad_()
        text_bKD = torch.cat(texts).requires_grad_()
        loss = self._mil_nce(video_bD, text_bKD, batches)
        sizes = [len(video_BD) for video_BD in videos]
        gradients = torch.autograd.grad(loss, [video_bD, text_bKD])
        parts = (gradient.split(sizes) for gradient in gradients)
        with statistics_not_recorded(self.model):
            for rank, batch, (video_grad_BD, text_grad_BKD) in zip(
                self.ranks, batches, zip(*parts, strict=True), strict=True
            ):
                output = self._forward(step, rank, batch)
                torch.autograd.backward(
                    [output.video_BD, output.text_BKD, self._cyclic(output)],
                    [video_grad_BD, text_grad_BKD, None],
                )

    def _mil_nce(self, video_bD: Tensor, text_bKD: Tensor, batches: Sequence[Batch]) -> Tensor:
        """Return this worker's weighted part of the global mean, and note its plain value."""
        loss_b = self.objectives.mil_nce_per_clip(video_bD, text_bKD, batches)
        part = loss_b.sum() / self.job.training.global_batch
        self._sums[0] += part.detach()
        return part * self.job.objectives.mil_nce.weight

    def _cyclic(self, output: Forward) -> Tensor:
        """Return a micro-batch's weighted part of the global mean, and note its plain value."""
        if output.cyclic is None:
            return output.video_BD.new_zeros((), requires_grad=True)
        part = output.cyclic.total / self.job.training.virtual_ranks
        self._sums[1] += part.detach()
        return part * self.job.objectives.cyclic.weight

    def _update(self, step: int, batches: Sequence[Batch]) -> StepResult:
        weights = self.job.objectives
        mil_nce, cyclic, stop = self._sums.tolist()
        loss = weights.mil_nce.weight * mil_nce + weights.cyclic.weight * cyclic
        grad_norm = self._buffer.clip(self.job.training.grad_clip).item()
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            rows = torch.cat([batch.rows_B for batch in batches]).tolist()
            raise NonFiniteLoss(
                f"step {step + 1}: loss and gradient must be finite, got loss {loss} and norm "
                f"{grad_norm}; a lower training.lr or a training.grad_clip may help "
                f"(rows of the manifest on this worker: {rows[:16]})"
            )
        lr = learning_rate(self.job.training, step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        update_running_statistics(self.model, self._statistics)
        has_cyclic = self.objectives.cyclic is not None
        return StepResult(loss, mil_nce, cyclic if has_cyclic else None, grad_norm, lr, stop > 0)


def build_optimizer(job: TrainJob, model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of the settings; the loop sets its rate before every step."""
    match job.training.optimizer:
        case "adam":
            return torch.optim.Adam(model.parameters(), lr=job.training.lr)
        case "adamw":
            return torch.optim.AdamW(
                model.parameters(), lr=job.training.lr, weight_decay=job.training.weight_decay
            )
