"""The model before its first step: weights from the seed, and the targets' fixed statistics.

Shape letters in this file:
    B  clips    S  positions    C  channels
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from configs.runs import TrainJob
from trainers.data.batch import Batch
from trainers.data.seeds import derive_seed
from trainers.models.batchnorm import statistics_not_recorded
from trainers.models.build import VideoTextModel, build_model
from trainers.models.standardise import masked_statistics

TRANSLATOR = "translator."
"""What the names of the translator's parameters begin with."""

MEASURED_CLIPS = 256
"""Clips, about, from which the statistics of the cyclic targets are measured."""


def model_of(job: TrainJob, vocabulary: int) -> VideoTextModel:
    """Return the model of a job with fresh weights, a function of torch's random state."""
    translated = job.objectives.cyclic.modalities()
    return build_model(job.model, vocabulary, bool(translated), translated, job.data.mel_bands)


def has_translator(state: Mapping[str, Tensor]) -> bool:
    """Say whether a model's state holds a translator's."""
    return any(name.startswith(TRANSLATOR) for name in state)


def fresh_model(job: TrainJob, vocabulary: int) -> VideoTextModel:
    """Return the model of a job with weights that depend on its seed alone."""
    torch.manual_seed(derive_seed(job.training.seed))
    return model_of(job, vocabulary)


def measured_ranks(job: TrainJob) -> range:
    """Return the virtual ranks of the first global batch whose clips are measured."""
    training = job.training
    micro_batch = training.global_batch // training.virtual_ranks
    return range(min(training.virtual_ranks, -(-MEASURED_CLIPS // micro_batch)))


@torch.no_grad()
def measure_targets(model: VideoTextModel, batches: Iterable[Batch]) -> None:
    """Fix the standardisation of the cyclic targets by the fresh model's own features.

    Every worker measures the same batches: no exchange, and the same whatever their number.

    Raises:
        ValueError: If none of the clips has what is translated, such as sound.
    """
    if model.translator is None:
        return
    parts: defaultdict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    model.train()
    with statistics_not_recorded(model):
        for batch in batches:
            for name, values_BSC, mask_BS in _sequences(model, batch):
                parts[name].append((values_BSC, mask_BS))
    for name in model.translator.modalities:
        values_BSC, mask_BS = (torch.cat(tensors) for tensors in zip(*parts[name], strict=True))
        if not mask_BS.any():
            raise ValueError(
                f"{name} must be in some of the first {len(mask_BS)} clips to be translated, got "
                "none; see objectives.cyclic.directions"
            )
        model.translator.set_statistics(name, *masked_statistics(values_BSC, mask_BS))


def _sequences(model: VideoTextModel, batch: Batch) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield name, values and mask of all that can be translated; of words, the nearest window."""
    video_BSC = model.video(batch.frames_BTHWC).sequence_BSC
    yield "video", video_BSC, torch.ones_like(video_BSC[..., 0], dtype=torch.bool)
    text = model.text(batch.tokens_BKL[:, 0])
    yield "words", text.words_NLC, text.mask_NL
    if batch.mel_BFM is not None and batch.heard_B is not None:
        yield "audio", batch.mel_BFM, batch.heard_B.unsqueeze(1).expand(batch.mel_BFM.shape[:2])


def num_parameters(model: nn.Module) -> int:
    """Return the number of trained numbers in a model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
