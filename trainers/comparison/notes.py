"""What a method can tell of itself, for the report: weights of its parts, or what it has tried."""

from typing import Any

from trainers.fusion.late_task import LateMethod
from trainers.fusion.method import Fitted
from trainers.fusion.mfas.method import MfasMethod
from trainers.fusion.mfas.space import text
from trainers.fusion.mkl import MklMethod
from trainers.tasks.task import Task


def notes_of(fitted: Fitted, task: Task) -> dict[str, Any]:
    """Return `weights` by name, or what a search has found; {} of others.

    Of a search: `tried` as `[architecture, accuracy]` in order; the `architecture` that was kept,
    as `grid.settings.mfas.architecture` takes it; `depths` of the towers that it reads.
    """
    match fitted:
        case MklMethod():
            return {"weights": fitted.kernel_weights, "train_examples": fitted.num_examples}
        case LateMethod() if fitted.rule == "weighted":
            names = task.splits["train"].modalities
            return {"weights": dict(zip(names, map(float, fitted.weight_M), strict=True))}
        case MfasMethod() if fitted.trace is not None:
            return {
                "architecture": [unit.model_dump() for unit in fitted.architecture],
                "depths": dict(fitted.space.depths),
                "tried": [
                    [text(architecture), float(worth)]
                    for step in fitted.trace.steps
                    for architecture, worth in zip(step.drawn, step.worths, strict=True)
                ],
            }
        case _:
            return {}
