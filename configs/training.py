"""How long, how fast, on how many workers; and what is read."""

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.settings import Settings


class DataConfig(Settings):
    """What training reads, and what it does to a clip before the model sees it."""

    shards: str = ""
    """Folder written by `weakvid shards`."""

    num_frames: int = Field(default=32, gt=0)
    """Frames of a clip that the model sees, taken at an even stride from the stored ones."""

    size: int = Field(default=224, ge=16)
    """Side in pixels of the square crop that the model sees."""

    resize: int = Field(default=256, ge=16)
    """Short side in pixels to which a clip is resized before the crop."""

    flip: bool = True
    """Mirror half of the training clips. Turn it off where words name left and right."""

    decoder: Literal["decord", "pyav"] = "decord"
    """Decoder of the stored clips. decord has no wheel for arm64; PyAV stands in there."""

    threads: int = Field(default=2, ge=1)
    """Threads in each worker that read and decode ahead of the model."""

    read_ahead: int = Field(default=2, ge=1)
    """Micro-batches that are kept ready."""

    cache_gib: float = Field(default=0.0, ge=0)
    """Memory in each worker for clips that are already decoded."""


class TrainingConfig(Settings):
    """Schedule, batch and workers."""

    steps: int = Field(default=1000, ge=1)
    """Optimiser steps of the whole run."""

    workers: int = Field(default=1, ge=1)
    """Ray Train workers. Any number up to `virtual_ranks` gives the same curve."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Fixes initial weights, order, augmentation and dropout."""

    global_batch: int = Field(default=512, ge=2)
    """Clips in a step, over all workers."""

    virtual_ranks: int = Field(default=1, ge=1)
    """Micro-batches in a step. BatchNorm statistics and randomness belong to one of them."""

    optimizer: Literal["adam", "adamw"] = "adam"
    """Adam as published, or AdamW."""

    lr: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""

    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay, AdamW only."""

    warmup_steps: int = Field(default=100, ge=0)
    """Linear warm-up; a cosine to zero at `steps` follows."""

    grad_clip: float = Field(default=0.0, ge=0)
    """Greatest norm of the gradient; 0 leaves it as it is."""

    gradient_cache: bool = False
    """Run each micro-batch twice and keep no graph between them: less memory, more time."""

    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints."""

    keep_checkpoints: int = Field(default=3, ge=2)
    """Checkpoints kept. At least two, since a damaged one falls back to the one before."""

    validate_every: int = Field(default=100, ge=1)
    """Steps between validations on the `val` split."""

    torch_threads: int = Field(default=1, ge=1)
    """Torch threads of a worker. The same number gives the same bits."""

    attempts: int = Field(default=3, ge=1)
    """Attempts in a row that may fail without a new checkpoint; after them training gives up."""

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if self.global_batch % self.virtual_ranks:
            raise ValueError(
                "training.global_batch must be a multiple of training.virtual_ranks, "
                f"got {self.global_batch} and {self.virtual_ranks}"
            )
        if self.workers > self.virtual_ranks:
            raise ValueError(
                "training.workers must not exceed training.virtual_ranks, "
                f"got {self.workers} and {self.virtual_ranks}"
            )
        return self
