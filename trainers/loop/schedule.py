"""Rate and weights as pure functions of the step: nothing to save, nothing to restore wrongly."""

import math

from configs.objectives import CyclicConfig, MilNceConfig
from configs.training import TrainingConfig


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Return the rate of the update that follows `step` finished ones.

    Linear warm-up over `warmup_steps`, then a cosine that would reach zero at `steps`; both begin
    anew at each of `restarts`, and the cosine before it reaches zero there.
    """
    bounds = [0, *config.restarts, config.steps]
    begin = max(bound for bound in bounds[:-1] if bound <= step)
    end = bounds[bounds.index(begin) + 1]
    done, steps = step - begin, end - begin
    if done < config.warmup_steps:
        return config.lr * (done + 1) / config.warmup_steps
    left = max(1, steps - config.warmup_steps)
    progress = min(1.0, (done - config.warmup_steps) / left)
    return config.lr * 0.5 * (1.0 + math.cos(math.pi * progress))


def objective_weight(config: MilNceConfig | CyclicConfig, step: int) -> float:
    """Return the weight of an objective in the update that follows `step` finished ones."""
    schedule = config.schedule
    if schedule.shape == "constant":
        return config.weight
    progress = (step - schedule.begin) / (schedule.end - schedule.begin)
    progress = min(1.0, max(0.0, progress))
    if schedule.shape == "cosine":
        progress = 0.5 * (1.0 - math.cos(math.pi * progress))
    return config.weight * (schedule.first + progress * (schedule.last - schedule.first))
