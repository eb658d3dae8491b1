"""One optimiser step over a global batch of V micro-batches, on any number of workers.

The loss is that of the whole global batch: MIL-NCE sees every clip and window of it, and the
cyclic loss is the mean over virtual ranks. Embeddings of all micro-batches come first, then the
loss's gradient at them, then each micro-batch's own backward pass. Its graph is

    kept      since the embeddings were worked out, or
    cached    worked out again (Gao et al., "Scaling Deep Contrastive Learning Batch Size under
              Memory Limited Setup", 2021)

Nothing that is summed over virtual ranks depends on which worker has which of them: the loss works
in blocks of one virtual rank, and gradients are added up as `gradients` says.

Shape letters in this file:
    b  clips of this worker    K  windows of a bag    D  joint embedding
    B  clips of a virtual rank    V  virtual ranks    E  see gradients
    S  batch-norm statistics of one virtual rank
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from configs.runs import TrainJob
from trainers.collectives import all_gather_rows, rows_of_ranks
from trainers.data.batch import Batch
from trainers.data.seeds import derive_seed
from trainers.loop.conflict import Conflict
from trainers.loop.figures import (
    SIMILARITY_SUMS,
    direction_key,
    put_similarity,
    similarity_values,
    told_apart,
)
from trainers.loop.gradients import GradientBuffer
from trainers.loop.objectives import Forward, Objectives
from trainers.loop.ranks import owned_ranks
from trainers.loop.schedule import learning_rate, objective_weight
from trainers.loop.skips import Skips
from trainers.models.batchnorm import (
    num_statistics,
    statistics_not_recorded,
    take_statistics,
    update_running_statistics,
)
from trainers.models.build import VideoTextModel

_NUM_SUMS = 4 + len(SIMILARITY_SUMS)
"""Sums over workers beside gradients and statistics: MIL-NCE, cyclic, stop, replaced clips,
similarities."""


class Weights(NamedTuple):
    """Of the objectives, at a step."""

    mil_nce: float
    cyclic: float


class StepResult(NamedTuple):
    """What came of one step over the whole global batch, equal on all workers."""

    mil_nce: float
    """The contrastive loss, whichever it is; no number where the step was skipped for that."""

    stop: bool
    """Whether any worker asked to stop after this step."""

    replaced: int
    """Clips of the batch that stand in for damaged ones."""

    skipped: str
    """Why there was no update, empty where there was one."""

    rows: tuple[int, ...]
    """Rows of the corpus to suspect, where the step was skipped."""

    figures: dict[str, float]
    """What belongs into the log of this step, by its keys there."""


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
        micro_batch = job.training.global_batch // job.training.virtual_ranks
        self.objectives = Objectives(job.objectives, model, micro_batch)
        self.optimizer = build_optimizer(job, model)
        self.skips = Skips(job.training.max_skipped)
        self.ranks = owned_ranks(job.training.virtual_ranks, workers, worker)
        self._statistics_shape = (job.training.virtual_ranks, num_statistics(model))
        self._directions = told_apart(job.objectives.cyclic)
        num_extras = math.prod(self._statistics_shape) + _NUM_SUMS + len(self._directions)
        self._buffer = GradientBuffer(model.parameters(), num_extras)
        self._conflict = Conflict(model)

    def run(self, step: int, batches: Sequence[Batch], *, stop: bool = False) -> StepResult:
        """Do the update that follows `step` finished ones, or skip it on all workers alike.

        Args:
            step: Finished steps.
            batches: One micro-batch for each of `self.ranks`, in order.
            stop: Whether this worker wants all to stop after this step.

        Raises:
            NonFiniteLoss: On every worker, before the update, if loss or gradient is not finite
                and `training.max_skipped` steps before were skipped for that.
        """
        self.model.train()
        self._buffer.clear()
        self._backward(step, batches)
        self._sums[2] += float(stop)
        self._sums[3] += sum(int(batch.replaced_B.sum()) for batch in batches)
        self._buffer.add_over_workers()
        shares = {}
        if self._wants_shares(step):
            shares = self._conflict.take_figures(self._buffer.exact)
        return self._update(step, batches, shares)

    @property
    def _sums(self) -> Tensor:
        return self._buffer.extras_E[:_NUM_SUMS]

    @property
    def _statistics(self) -> Tensor:
        begin = _NUM_SUMS + len(self._directions)
        return self._buffer.extras_E[begin:].view(self._statistics_shape)

    @property
    def _similarity(self) -> Tensor:
        return self._sums[4:]

    @property
    def _cyclic_sums(self) -> Tensor:
        """Room for the loss of each direction, where there are several."""
        return self._buffer.extras_E[_NUM_SUMS : _NUM_SUMS + len(self._directions)]

    def _weights(self, step: int) -> Weights:
        objectives = self.job.objectives
        return Weights(
            objective_weight(objectives.mil_nce, step), objective_weight(objectives.cyclic, step)
        )

    def _wants_similarity(self, step: int) -> bool:
        """Say whether logits and recall are due after this step; the same on all workers."""
        return (step + 1) % self.job.training.figures_every == 0

    def _wants_shares(self, step: int) -> bool:
        """Say whether the objectives' own gradients are due at this step, on all workers."""
        every = self.job.training.gradients_every
        return min(self._weights(step)) > 0 and every > 0 and (step + 1) % every == 0

    def _forward(self, step: int, rank: int, batch: Batch, *, towers_only: bool = False) -> Forward:
        torch.manual_seed(derive_seed(self.job.training.seed, step, rank))
        return self.objectives(batch, towers_only=towers_only)

    def _backward(self, step: int, batches: Sequence[Batch]) -> None:
        """Add the gradients of this worker's virtual ranks to the buffer, one after the other."""
        is_cached = self.job.training.gradient_cache
        outputs: list[Forward] = []
        with torch.set_grad_enabled(not is_cached):
            for rank, batch in zip(self.ranks, batches, strict=True):
                # The graph of a cached step, and with it its cyclic loss, comes later.
                outputs.append(self._forward(step, rank, batch, towers_only=is_cached))
                self._statistics[rank] = take_statistics(self.model)
        at_videos, at_texts = self._at_embeddings(step, outputs, batches)
        for place, (rank, batch) in enumerate(zip(self.ranks, batches, strict=True)):
            output = outputs[place]
            if is_cached:
                with statistics_not_recorded(self.model):
                    output = self._forward(step, rank, batch)
            cyclic = self._cyclic(step, output)
            if self._wants_shares(step):
                self._conflict.add_rank(cyclic)
            torch.autograd.backward(
                [output.video_BD, output.text_BKD, cyclic],
                [at_videos[place], at_texts[place], None],
            )
            self._buffer.add_rank()

    def _at_embeddings(
        self, step: int, outputs: Sequence[Forward], batches: Sequence[Batch]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return the gradient of the contrastive loss at clips BD and at texts BKD, a rank each."""
        video_bD = torch.cat([output.video_BD.detach() for output in outputs]).requires_grad_()
        text_bKD = torch.cat([output.text_BKD.detach() for output in outputs]).requires_grad_()
        loss = self._mil_nce(step, video_bD, text_bKD, batches)
        at_video_bD, at_text_bKD = torch.autograd.grad(loss, [video_bD, text_bKD])
        sizes = [len(output.video_BD) for output in outputs]
        return at_video_bD.split(sizes), at_text_bKD.split(sizes)

    def _mil_nce(
        self, step: int, video_bD: Tensor, text_bKD: Tensor, batches: Sequence[Batch]
    ) -> Tensor:
        """Return this worker's weighted part of the global mean, and note its plain value."""
        finite_bK = video_bD.isfinite().all(dim=1, keepdim=True) & text_bKD.isfinite().all(dim=2)
        self._finite_b = finite_bK.all(dim=1)
        loss_b = self.objectives.mil_nce_per_clip(video_bD, text_bKD, batches)
        part = loss_b.double().sum() / self.job.training.global_batch
        self._sums[0] += part.detach()
        if self._wants_similarity(step):
            sums = self.objectives.similarity(video_bD.detach(), text_bKD.detach(), batches)
            put_similarity(sums, self._similarity)
        return part * self._weights(step).mil_nce

    def _cyclic(self, step: int, output: Forward) -> Tensor:
        """Return a micro-batch's weighted part of the global mean, and note its plain value."""
        if output.cyclic is None:
            return output.video_BD.new_zeros((), requires_grad=True)
        virtual_ranks = self.job.training.virtual_ranks
        part = output.cyclic.total / virtual_ranks
        self._sums[1] += part.detach()
        for place, direction in enumerate(self._directions):
            loss = output.cyclic.directions[direction].weighted
            self._cyclic_sums[place] += loss.detach() / virtual_ranks
        return part * self._weights(step).cyclic

    def _update(self, step: int, batches: Sequence[Batch], shares: dict[str, float]) -> StepResult:
        weights = self._weights(step)
        mil_nce, cyclic, stop, replaced = self._sums[:4].tolist()
        loss = weights.mil_nce * mil_nce + weights.cyclic * cyclic
        grad_norm = self._buffer.clip(self.job.training.grad_clip).item()
        lr = learning_rate(self.job.training, step)
        figures = {"train/loss": loss, "train/mil_nce": mil_nce, **self._cyclic_figures(cyclic)}
        figures |= {"train/lr": lr, "train/grad_norm": grad_norm}
        figures |= shares | self._scheduled(weights)
        skipped, rows = self._not_finite(loss, grad_norm), []
        if skipped:
            # The sums are equal on all workers, so all of them come here, or none.
            rows = self._suspects(batches)
            self.skips.add(step + 1, skipped, rows)
            # Where there is no number, none is logged: JSON has no word for it.
            figures = {"train/skipped": 1.0, "train/lr": lr}
        else:
            self._apply(lr)
            figures |= similarity_values("train", self._similarity)
        figures |= {"train/replaced": replaced} if replaced else {}
        return StepResult(
            mil_nce=mil_nce,
            stop=stop > 0,
            replaced=int(replaced),
            skipped=skipped,
            rows=tuple(rows),
            figures=figures,
        )

    def _cyclic_figures(self, cyclic: float) -> dict[str, float]:
        if self.objectives.cyclic is None:
            return {}
        keys = [direction_key("train/cyclic", direction) for direction in self._directions]
        return {"train/cyclic": cyclic, **dict(zip(keys, self._cyclic_sums.tolist(), strict=True))}

    def _scheduled(self, weights: Weights) -> dict[str, float]:
        """Return the weights that change."""
        objectives, figures = self.job.objectives, {}
        if objectives.mil_nce.schedule.shape != "constant":
            figures["train/weight_mil_nce"] = weights.mil_nce
        if objectives.cyclic.schedule.shape != "constant":
            figures["train/weight_cyclic"] = weights.cyclic
        return figures

    def _apply(self, lr: float) -> None:
        """Move weights and running statistics."""
        self.skips.reset()
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        update_running_statistics(self.model, self._statistics.float())

    def _not_finite(self, loss: float, grad_norm: float) -> str:
        """Return what is no number, empty where all is well."""
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            return f"loss {loss} and gradient norm {grad_norm}"
        if not torch.isfinite(self._statistics).all():
            return "statistics of batch norm that are not finite"
        return ""

    def _suspects(self, batches: Sequence[Batch]) -> list[int]:
        """Return rows, of all workers, with embeddings that are no numbers; else all rows."""
        rows_b, bad_b = torch.cat([batch.rows_B for batch in batches]), ~self._finite_b
        counts = rows_of_ranks(len(rows_b), rows_b.device)
        rows_G = all_gather_rows(rows_b, counts)
        bad_G = all_gather_rows(bad_b.to(torch.uint8), counts).bool()
        return (rows_G[bad_G] if bad_G.any() else rows_G).tolist()


def build_optimizer(job: TrainJob, model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of the settings; the loop sets its rate before every step."""
    match job.training.optimizer:
        case "adam":
            return torch.optim.Adam(model.parameters(), lr=job.training.lr)
        case "adamw":
            return torch.optim.AdamW(
                model.parameters(), lr=job.training.lr, weight_decay=job.training.weight_decay
            )
