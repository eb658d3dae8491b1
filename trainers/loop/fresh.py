"""The model before its first step: weights from the seed, and the targets' fixed statistics.

Shape letters in this file:
    B  clips    S  time steps    L  pieces    C  channels
"""

from collections.abc import Iterable

import torch
from torch import nn

from configs.runs import TrainJob
from trainers.data.batch import Batch
from trainers.data.seeds import derive_seed
from trainers.models.batchnorm import statistics_not_recorded
from trainers.models.build import VideoTextModel, build_model
from trainers.models.standardise import masked_statistics

MEASURED_CLIPS = 256
"""Clips, about, from which the statistics of the cyclic targets are measured."""


def fresh_model(job: TrainJob, vocabulary: int) -> VideoTextModel:
    """Return the model of a job with weights that depend on its seed alone."""
    torch.manual_seed(derive_seed(job.training.seed))
    return build_model(job.model, vocabulary, job.objectives.cyclic.weight > 0)


def measured_ranks(job: TrainJob) -> range:
    """Return the virtual ranks of the first global batch whose clips are measured."""
    training = job.training
    micro_batch = training.global_batch // training.virtual_ranks
    return range(min(training.virtual_ranks, -(-MEASURED_CLIPS // micro_batch)))


@torch.no_grad()
def measure_targets(model: VideoTextModel, batches: Iterable[Batch]) -> None:
    """Fix the standardisation of the cyclic targets by the fresh model's own features.

    Every worker measures the same batches: no exchange, and the same whatever their number.
    """
    if model.translator is None:
        return
    videos_BSC, words_BLC, masks_BL = [], [], []
    model.train()
    with statistics_not_recorded(model):
        for batch in batches:
            videos_BSC.append(model.video(batch.frames_BTHWC).sequence_BSC)
            text = model.text(batch.tokens_BKL[:, 0])
            words_BLC.append(text.words_NLC)
            masks_BL.append(text.mask_NL)
    video_BSC = torch.cat(videos_BSC)
    all_BS = torch.ones(video_BSC.shape[:2], dtype=torch.bool, device=video_BSC.device)
    translator = model.translator
    translator.set_statistics("video", *masked_statistics(video_BSC, all_BS))
    words = masked_statistics(torch.cat(words_BLC), torch.cat(masks_BL))
    translator.set_statistics("words", *words)


def num_parameters(model: nn.Module) -> int:
    """Return the number of trained numbers in a model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
