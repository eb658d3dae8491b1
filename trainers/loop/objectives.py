"""What a micro-batch contributes to the step: embeddings for MIL-NCE, and its cyclic loss.

Shape letters in this file:
    B  clips    K  windows of a bag    L  pieces of a window    D  joint embedding
    S  time steps of the video sequence    C  channels
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from configs.objectives import ObjectivesConfig
from trainers.data.batch import Batch
from trainers.losses.cyclic import CyclicLoss, CyclicTranslation
from trainers.losses.mil_nce import MilNce
from trainers.models.build import VideoTextModel


class Forward(NamedTuple):
    """Outputs of the two towers for one micro-batch, and what comes of them alone."""

    video_BD: Tensor
    text_BKD: Tensor
    cyclic: CyclicLoss | None


class Objectives(nn.Module):
    """Both objectives and their weights. It has no parameters beside the model's."""

    def __init__(self, config: ObjectivesConfig, model: VideoTextModel) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.mil_nce = MilNce(config.mil_nce)
        self.cyclic = None
        if model.translator is not None:
            self.cyclic = CyclicTranslation(config.cyclic, model.translator)

    def forward(self, batch: Batch) -> Forward:
        """Run both towers, and the translator where there is one, on one micro-batch."""
        num_clips, num_windows, _ = batch.tokens_BKL.shape
        video = self.model.video(batch.frames_BTHWC)
        text = self.model.text(batch.tokens_BKL.flatten(0, 1))
        text_BKD = text.embedding_ND.unflatten(0, (num_clips, num_windows))
        cyclic = None
        if self.cyclic is not None:
            # The nearest window stands first in the bag.
            words_BLC = text.words_NLC.unflatten(0, (num_clips, num_windows))[:, 0]
            mask_BL = text.mask_NL.unflatten(0, (num_clips, num_windows))[:, 0]
            sequence_BSC = video.sequence_BSC
            mask_BS = torch.ones(
                sequence_BSC.shape[:2], dtype=torch.bool, device=sequence_BSC.device
            )
            cyclic = self.cyclic(sequence_BSC, words_BLC, mask_BS, mask_BL)
        return Forward(video.embedding_BD, text_BKD, cyclic)
