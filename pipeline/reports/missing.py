"""A part of the report that is not there yet, and the command that makes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing, and what to type; no command where it was left out on purpose."""

    what: str
    command: str = ""


def train(run: str) -> str:
    """Return the command that trains a run."""
    return f"make train SHARDS=DIR RUN={run}"


def evaluate(run: str) -> str:
    """Return the command that evaluates a run."""
    return f"make evaluate RUN={run}"


def measured(record: dict, what: str, run: str) -> Missing:
    """Return why an evaluation left a part out, else that it has to be run."""
    reason = record.get("skipped")
    if isinstance(reason, str) and reason:
        return Missing(f"Not measured: {reason}.")
    return Missing(what, evaluate(run))


SHARDS = "make shards SOURCE=DIR OUT=DIR"
