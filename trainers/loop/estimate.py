"""What a run will take, worked out on paper: operations, and memory on each worker.

Towers are run on torch's `meta` device, which knows shapes and computes nothing.

Shape letters in this file:
    B  clips
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from configs.models import ModelConfig
from configs.runs import TrainJob
from trainers.loop.fresh import model_of, num_parameters

_CLIPS = 2
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Estimate:
    """Figures of a run, and bytes on the worker that has most virtual ranks."""

    parameters: int
    flops_per_clip: int
    """Multiplications and additions of one pass forward, each counted."""

    weights: int
    """Bytes of weights, buffers, gradients, their sums in fp64 and the optimiser's two moments."""

    activations: int
    """Bytes kept for the way back, at the most at a time; `model.compute.recompute` keeps less."""

    embeddings: int
    """Bytes of embeddings and their gradients, of this worker's clips and of all."""

    frames: int
    """Bytes of the clips of a step."""

    @property
    def total(self) -> int:
        """Bytes altogether. What allocators and libraries take comes on top."""
        return self.weights + self.activations + self.embeddings + self.frames


def estimate(job: TrainJob) -> Estimate:
    """Work out what a run will take. The vocabulary is taken for full."""
    training, objectives = job.training, job.objectives
    micro_batch = training.global_batch // training.virtual_ranks
    own_ranks = -(-training.virtual_ranks // max(1, training.workers))
    with torch.device("meta"):
        plain = job.model_copy(update={"model": _plain(job.model)})
        model = model_of(plain, job.model.text.vocabulary)
    flops, saved = _pass_of_clips(job, model.video, model.text)
    if job.model.compute.precision == "bf16":
        # "meta" has no precision; what is kept of the video tower's maps is half as wide.
        saved //= 2
    state = sum(tensor.nbytes for tensor in model.state_dict().values())
    trained = 4 * num_parameters(model)
    width = 4 * job.model.video.embedding_dim * (1 + objectives.mil_nce.candidates)
    kept = micro_batch * (1 if training.gradient_cache else own_ranks)
    one_clip = 3 * job.data.num_frames * job.data.size**2
    return Estimate(
        parameters=num_parameters(model),
        flops_per_clip=flops,
        weights=state + 5 * trained,
        activations=kept * saved,
        embeddings=2 * width * (training.global_batch + own_ranks * micro_batch),
        frames=own_ranks * micro_batch * one_clip,
    )


def describe_estimate(found: Estimate) -> list[str]:
    """Return lines of a plan."""
    parts = {
        "weights, gradients, moments": found.weights,
        "kept for the way back": found.activations,
        "embeddings": found.embeddings,
        "clips": found.frames,
    }
    named = ", ".join(f"{what} {_amount(size)}" for what, size in parts.items())
    return [
        f"model      {found.parameters / 1e6:.2f} million parameters, "
        f"{found.flops_per_clip / 1e9:.2f} GFLOP a clip and pass",
        f"memory     about {_amount(found.total)} on each worker, beside libraries and decoded "
        f"clips: {named}",
    ]


def _plain(config: ModelConfig) -> ModelConfig:
    """Return the model without what cannot be counted through, and changes only how it is run."""
    plain = {"compile": False, "recompute": False}
    return config.model_copy(update={"compute": config.compute.model_copy(update=plain)})


def _pass_of_clips(job: TrainJob, video: nn.Module, text: nn.Module) -> tuple[int, int]:
    """Return operations, and bytes kept for the way back, of both towers for one clip."""
    data, bag = job.data, job.objectives.mil_nce.candidates
    clip = (data.num_frames, data.size, data.size, 3)
    frames_BTHWC = torch.empty(_CLIPS, *clip, dtype=torch.uint8, device="meta")
    tokens_NL = torch.zeros(
        _CLIPS * bag, job.model.text.max_words, dtype=torch.int64, device="meta"
    )
    weights = {_storage(tensor) for module in (video, text) for tensor in module.parameters()}
    kept: dict[int, tuple[int, Tensor]] = {}

    def keep(tensor: Tensor) -> Tensor:
        # The tensor is held too, so that no other gets its place and is taken for it.
        kept[_storage(tensor)] = tensor.untyped_storage().nbytes(), tensor
        return tensor

    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        video(frames_BTHWC)
        text(tokens_NL)
    saved = sum(size for storage, (size, _) in kept.items() if storage not in weights)
    return counter.get_total_flops() // _CLIPS, saved // _CLIPS


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _amount(num_bytes: int) -> str:
    return f"{num_bytes / _GIB:.1f} GiB" if num_bytes >= _GIB else f"{num_bytes / 2**20:.1f} MiB"
