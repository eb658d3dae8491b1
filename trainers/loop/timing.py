"""Where the time of a worker's steps goes: waiting for data, computing, waiting for others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from trainers.waits import take_waited_s

Phase = Literal["data", "step", "validate", "checkpoint"]


class StepTimes(NamedTuple):
    """Seconds of one worker, from the end of a step to the end of the next."""

    data_s: float = 0.0
    """Until the batches of the step were there."""

    compute_s: float = 0.0
    """Of the step itself, without waiting for other workers."""

    wait_s: float = 0.0
    """Of the step, inside collectives."""

    validate_s: float = 0.0
    checkpoint_s: float = 0.0
    """How long validation and checkpoint held up the loop before the step."""

    @property
    def step_s(self) -> float:
        """The step as the run sees it: its data, its work and its waiting."""
        return self.data_s + self.compute_s + self.wait_s


class StepClock:
    """Adds up the phases of a step, and keeps its steps until they are taken."""

    def __init__(self, global_batch: int) -> None:
        """Start.

        Args:
            global_batch: Clips in a step, over all workers.
        """
        self._global_batch = global_batch
        self._seconds: dict[Phase, float] = {}
        self._waited_s = 0.0
        self._steps: list[StepTimes] = []
        take_waited_s()

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count the time inside to a phase of the step that is not yet ended."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            waited_s = take_waited_s()
            if name == "step":
                self._waited_s += waited_s
            spent_s = time.perf_counter() - began_s
            self._seconds[name] = self._seconds.get(name, 0.0) + spent_s

    def figures(self) -> dict[str, float]:
        """End the step; return its figures, by their keys in metrics.jsonl."""
        times = self.end_step()
        values = {
            "train/clips_per_s": self._global_batch / max(times.step_s, 1e-9),
            "train/data_wait": times.data_s / max(times.step_s, 1e-9),
            "train/step_s": times.step_s,
            "time/wait_s": times.wait_s,
        }
        if times.validate_s:
            values["time/validate_s"] = times.validate_s
        if times.checkpoint_s:
            values["time/checkpoint_s"] = times.checkpoint_s
        return values

    def end_step(self) -> StepTimes:
        """End the step, keep its times and return them."""
        seconds = self._seconds
        times = StepTimes(
            seconds.get("data", 0.0),
            max(0.0, seconds.get("step", 0.0) - self._waited_s),
            self._waited_s,
            seconds.get("validate", 0.0),
            seconds.get("checkpoint", 0.0),
        )
        self._seconds, self._waited_s = {}, 0.0
        self._steps.append(times)
        return times

    def take_steps(self) -> list[StepTimes]:
        """Return the steps that ended since the last call, oldest first."""
        steps, self._steps = self._steps, []
        return steps
