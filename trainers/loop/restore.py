"""A checkpoint -> the weights and the optimiser of a run that goes on, or begins with it.

A run that begins with another's checkpoint may have the cyclic objective that the other had not.
Its translator then keeps the fresh weights that it was built with, and the optimiser begins for it.
"""

from collections.abc import Mapping
from typing import Any

import torch

from trainers.loop.fresh import TRANSLATOR, has_translator
from trainers.models.build import VideoTextModel


def restore(
    model: VideoTextModel, optimizer: torch.optim.Optimizer, state: Mapping[str, Any]
) -> bool:
    """Load what a checkpoint holds; return whether the translator stays fresh.

    Raises:
        RuntimeError: If it holds the weights of another model.
    """
    saved, optimised = state["model"], state["optimizer"]
    stays_fresh = model.translator is not None and not has_translator(saved)
    if stays_fresh:
        fresh = model.state_dict()
        saved = saved | {name: fresh[name] for name in fresh if name.startswith(TRANSLATOR)}
        optimised = _with_room(optimised, sum(1 for _ in model.parameters()))
    model.load_state_dict(saved)
    optimizer.load_state_dict(optimised)
    return stays_fresh


def _with_room(optimised: Mapping[str, Any], num_parameters: int) -> dict[str, Any]:
    """Return an optimiser's state for more parameters, of which the last have none yet."""
    (group,) = optimised["param_groups"]
    group = {**group, "params": list(range(num_parameters))}
    return {**optimised, "param_groups": [group]}
