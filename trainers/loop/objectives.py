"""What a micro-batch contributes to the step: embeddings for MIL-NCE, and its cyclic loss.

Shape letters in this file:
    B  clips    K  windows of a bag    D  joint embedding
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from configs.objectives import ObjectivesConfig
from trainers.data.batch import Batch
from trainers.losses.contrastive import build_contrastive, similarity_figures
from trainers.losses.cyclic import CyclicLoss, CyclicTranslation
from trainers.models.build import VideoTextModel


class Forward(NamedTuple):
    """Outputs of the two towers for one micro-batch, and what comes of them alone."""

    video_BD: Tensor
    text_BKD: Tensor
    cyclic: CyclicLoss | None


class Objectives(nn.Module):
    """Both objectives and their weights. It has no parameters beside the model's."""

    def __init__(
        self, config: ObjectivesConfig, model: VideoTextModel, micro_batch: int = 0
    ) -> None:
        """Prepare; `micro_batch` is the number of clips of a virtual rank, where it is known."""
        super().__init__()
        self.config = config
        self.model = model
        self.mil_nce = build_contrastive(config, micro_batch)
        self.cyclic = None
        if model.translator is not None:
            temperature = config.mil_nce.temperature
            self.cyclic = CyclicTranslation(config.cyclic, model.translator, temperature)

    def forward(self, batch: Batch, *, towers_only: bool = False) -> Forward:
        """Run both towers, and the translator where there is one, on one micro-batch.

        Args:
            batch: The micro-batch.
            towers_only: Leave the translator out; what the towers draw is the same.
        """
        num_clips, num_windows, _ = batch.tokens_BKL.shape
        video = self.model.video(batch.frames_BTHWC)
        text = self.model.text(batch.tokens_BKL.flatten(0, 1))
        text_BKD = text.embedding_ND.unflatten(0, (num_clips, num_windows))
        cyclic = None
        if self.cyclic is not None and not towers_only:
            cyclic = self.cyclic(video, text, batch.mask_BK, batch.mel_BFM, batch.heard_B)
        return Forward(video.embedding_BD, text_BKD, cyclic)

    def mil_nce_per_clip(
        self, video_BD: Tensor, text_BKD: Tensor, batches: Sequence[Batch]
    ) -> Tensor:
        """Return the MIL-NCE loss of each of this worker's clips among those of all workers.

        Args:
            video_BD: Embeddings of the clips of `batches`, one batch after the other.
            text_BKD: Embeddings of their windows.
            batches: Where masks and video ids are from.
        """
        return self.mil_nce.per_clip(video_BD, text_BKD, *self._bags(text_BKD, batches))

    def similarity(
        self, video_BD: Tensor, text_BKD: Tensor, batches: Sequence[Batch]
    ) -> dict[str, Tensor]:
        """Return sums of logits and ranks over this worker's clips; see `similarity_figures`."""
        return similarity_figures(video_BD, text_BKD, *self._bags(text_BKD, batches))

    def _bags(self, text_BKD: Tensor, batches: Sequence[Batch]) -> tuple[Tensor, Tensor | None]:
        """Return masks and video ids of all batches, also where there is none of them."""
        device = text_BKD.device
        mask_BK = torch.cat(
            [torch.empty(0, text_BKD.shape[1], dtype=torch.bool, device=device)]
            + [batch.mask_BK for batch in batches]
        )
        ids_B = torch.cat(
            [torch.empty(0, dtype=torch.int64, device=device)]
            + [batch.video_ids_B for batch in batches]
        )
        return mask_BK, ids_B if self.config.mil_nce.mask_same_video else None
