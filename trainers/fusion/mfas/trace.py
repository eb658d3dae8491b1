"""What a search has tried, kept in a log that it can go on from.

`search.jsonl` has a line a step, `bank-STEP.safetensors` the shared weights after it. Weights are
written first, so a line stands only where its weights do; a line that was torn is done again, and
gives the same.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch

from trainers.fusion.mfas.jobs import Bank
from trainers.fusion.mfas.space import Architecture, parse, text

LOG = "search.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """Architectures that were trained together."""

    drawn: list[Architecture]
    worths: list[float]
    """Measured, in the order of `drawn`."""

    guesses: list[float]
    """What the surrogate had guessed; empty where there was none yet."""


@dataclass(slots=True)
class Trace:
    """All steps so far, the weights that are shared, and where both are kept."""

    made_from: str
    """Says which data, settings and seed the search belongs to."""

    folder: Path | None = None
    """Where the log lies; None keeps it in memory."""

    steps: list[Step] = field(default_factory=list)
    bank: Bank = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path | None, made_from: str) -> "Trace":
        """Begin a log, or read the one that is there.

        Raises:
            ValueError: The log there is of other data, settings or seed.
        """
        trace = cls(made_from, folder)
        if folder is None:
            return trace
        folder.mkdir(parents=True, exist_ok=True)
        lines = _whole_lines(folder / LOG)
        if lines and lines[0] != {"made_from": made_from}:
            raise ValueError(
                f"{folder / LOG} must be of this data, these settings and this seed, got another's"
            )
        trace.steps = [_step(line) for line in lines[1:]]
        if trace.steps:
            trace.bank = safetensors.torch.load_file(trace._weights(len(trace.steps)))
        _rewrite(folder / LOG, [{"made_from": made_from}, *lines[1:]])
        return trace

    def add(self, step: Step, bank: Bank) -> None:
        """Note a step, and the weights that it has left."""
        self.bank = {**self.bank, **bank}
        self.steps.append(step)
        if self.folder is None:
            return
        safetensors.torch.save_file(self.bank, self._weights(len(self.steps)))
        with (self.folder / LOG).open("a") as file:
            file.write(json.dumps(_line(step)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._weights(len(self.steps) - 1).unlink(missing_ok=True)

    @property
    def num_trained(self) -> int:
        """Jobs that were done."""
        return sum(len(step.drawn) for step in self.steps)

    def measured(self) -> dict[Architecture, float]:
        """Return the most that each architecture was worth."""
        found: dict[Architecture, float] = {}
        for step in self.steps:
            for one, worth in zip(step.drawn, step.worths, strict=True):
                found[one] = max(worth, found.get(one, 0.0))
        return found

    def best(self, number: int) -> list[Architecture]:
        """Return the architectures worth most, the best first; of equals, the one tried first."""
        measured = self.measured()
        return sorted(measured, key=lambda one: -measured[one])[:number]

    def _weights(self, steps: int) -> Path:
        assert self.folder is not None
        return self.folder / f"bank-{steps:03d}.safetensors"


def _line(step: Step) -> dict[str, Any]:
    return {
        "drawn": [text(one) for one in step.drawn],
        "worths": step.worths,
        "guesses": step.guesses,
    }


def _step(line: dict[str, Any]) -> Step:
    return Step([parse(one) for one in line["drawn"]], line["worths"], line["guesses"])


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines up to the first that is torn."""
    found: list[dict[str, Any]] = []
    if path.is_file():
        for line in path.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            found.append(json.loads(line))
    return found


def _rewrite(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Leave whole lines alone, so that the next one begins on a line of its own."""
    beside = path.with_suffix(".new")
    beside.write_text("".join(json.dumps(line) + "\n" for line in lines))
    beside.replace(path)
