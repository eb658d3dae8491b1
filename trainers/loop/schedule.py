"""The learning rate as a pure function of the step: nothing to save, nothing to restore wrongly."""

import math

from configs.training import TrainingConfig


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Return the rate of the update that follows `step` finished ones.

    Linear warm-up over `warmup_steps`, then a cosine that would reach zero at `steps`.
    """
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    left = max(1, config.steps - config.warmup_steps)
    progress = min(1.0, (step - config.warmup_steps) / left)
    return config.lr * 0.5 * (1.0 + math.cos(math.pi * progress))
