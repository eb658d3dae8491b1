"""The best checkpoint of a run, by a figure of its validation; and checkpoints by their names."""

import math
from collections.abc import Mapping
from typing import Any

from shards.paths import AnyPath
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.manifests import checkpoint_folder, list_checkpoints, step_of

BEST = "best"
"""Names the best checkpoint where else a step stands."""


class Best:
    """Remembers at which step a figure was lowest.

    Every worker sees the same figures, so all of them know the same step.

    Attributes:
        step: Where it was lowest so far, 0 before the first value.
    """

    def __init__(self, figure: str, before: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on.

        Args:
            figure: Its key in metrics.jsonl; empty: no checkpoint is the best.
            before: What `state` told in a checkpoint. Another figure begins anew.
        """
        self._figure, self._value, self.step = figure, math.inf, 0
        if before and before["figure"] == figure:
            self._value, self.step = before["value"], before["step"]

    def see(self, step: int, values: Mapping[str, float]) -> None:
        """Note the figures of a validation. A value that is no number is not the lowest."""
        value = values.get(self._figure, math.inf)
        if value < self._value:
            self._value, self.step = value, step

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint says of it, None before the first value."""
        if not self.step:
            return None
        return {"figure": self._figure, "value": self._value, "step": self.step}


def find_checkpoint(root: AnyPath, which: str) -> AnyPath:
    """Return the folder of a checkpoint, unverified.

    Args:
        root: The run's `checkpoints` folder.
        which: Its step, or `best`.

    Raises:
        ValueError: If there is no such checkpoint.
        RuntimeError: If the best is asked for, and every checkpoint is damaged.
    """
    kept = ", ".join(str(step_of(path)) for path in list_checkpoints(root)) or "none"
    if which != BEST:
        path = checkpoint_folder(root, int(which))
    else:
        newest = newest_checkpoint(root)
        known = newest.manifest.get(BEST) if newest is not None else None
        if known is None:
            raise ValueError(
                f"the best checkpoint in {root} must be known, got none; checkpoints.best names "
                f"the figure of a validation by which it is chosen. There are steps {kept}"
            )
        path = checkpoint_folder(root, known["step"])
    if not path.is_dir():
        raise ValueError(f"{which} must be a checkpoint in {root}, got none; there are {kept}")
    return path
