"""How long, how fast, and on how many workers."""

import itertools
from typing import Literal, Self

from pydantic import Field, model_validator

from configs.settings import Settings


class TrainingConfig(Settings):
    """Schedule, batch and workers."""

    steps: int = Field(default=1000, ge=1)
    """Optimiser steps of the whole run."""

    workers: int = Field(default=1, ge=0)
    """Ray Train workers. Any number up to `virtual_ranks` gives the same curve. 0 trains in the
    driver's own process, without Ray: for a debugger."""

    min_workers: int = Field(default=0, ge=0)
    """Workers that are enough to go on with while machines are missing; 0 waits for all."""

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

    restarts: tuple[int, ...] = ()
    """Steps at which warm-up and cosine begin anew: those at which a finished run was extended."""

    grad_clip: float = Field(default=0.0, ge=0)
    """Greatest norm of the gradient; 0 leaves it as it is."""

    max_skipped: int = Field(default=5, ge=0)
    """Steps in a row that may be skipped because their loss or gradient is not finite; one more
    ends the run. 0 ends it at the first."""

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

    figures_every: int = Field(default=10, ge=1)
    """Steps between two looks at logits and recall within the batch, which cost a comparison of
    all clips with all windows."""

    gradients_every: int = Field(default=50, ge=0)
    """Steps between two looks at each objective's own gradient, where there is a cyclic one: they
    cost one more pass back through it. 0: never."""

    compare_weights_every: int = Field(default=100, ge=1)
    """Steps between two comparisons of the workers' weights, which must be equal to the bit."""

    profile_steps: int = Field(default=0, ge=0)
    """Steps, after the first three of an attempt, of which torch.profiler writes a trace and a
    table into the run's `profiles`; 0: none."""

    peak_tflops: float = Field(default=0.0, ge=0)
    """What a worker's device can do in 1e12 operations a second, for `train/mfu`. 0 takes it from
    a table of GPUs, and measures a CPU by a matrix product."""

    attempts: int = Field(default=3, ge=1)
    """Attempts in a row that may fail without a new checkpoint; after them training gives up."""

    @model_validator(mode="after")
    def _numbers_fit(self) -> Self:
        if self.global_batch % self.virtual_ranks:
            raise ValueError(
                "training.global_batch must be a multiple of training.virtual_ranks, "
                f"got {self.global_batch} and {self.virtual_ranks}"
            )
        if self.min_workers > max(1, self.workers):
            raise ValueError(
                "training.min_workers must not exceed training.workers, "
                f"got {self.min_workers} and {self.workers}"
            )
        ends = (0, *self.restarts, self.steps)
        if any(after <= before for before, after in itertools.pairwise(ends)):
            raise ValueError(
                "training.restarts must rise, from above 0 to below training.steps, "
                f"got {self.restarts} and {self.steps}"
            )
        if self.workers > self.virtual_ranks:
            raise ValueError(
                "training.workers must not exceed training.virtual_ranks, "
                f"got {self.workers} and {self.virtual_ranks}"
            )
        return self
