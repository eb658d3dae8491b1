"""A part of the report that is not there yet, and the command that makes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing, and what to type."""

    what: str
    command: str


def train(run: str) -> str:
    """Return the command that trains a run."""
    return f"make train SHARDS=DIR RUN={run}"


def evaluate(run: str) -> str:
    """Return the command that evaluates a run."""
    return f"make evaluate RUN={run}"


SHARDS = "make shards SOURCE=DIR OUT=DIR"
