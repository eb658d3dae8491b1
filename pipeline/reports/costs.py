"""What a build was estimated to cost, beside what it did cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.reports.text import as_float, duration, num_bytes, number


@dataclass(frozen=True, slots=True)
class Cost:
    """One figure: as estimated, as it came, and the second over the first where both are known."""

    label: str
    estimated: str
    happened: str
    ratio: float | None


def compare(estimate: Mapping[str, Any], outcome: Mapping[str, Any]) -> list[Cost]:
    """Return the figures of an estimate and an outcome.

    Args:
        estimate: Fields of `pipeline.tasks.estimate.Estimate`.
        outcome: Fields of `pipeline.tasks.costs.Outcome`.
    """
    figures: list[tuple[str, str, Callable[[object], str]]] = [
        ("Videos", "sources", number),
        ("Read", "source_bytes", num_bytes),
        ("Length of video", "hours", _hours),
        ("Clips planned", "clips", number),
        ("Core time", "core_hours", _hours),
        ("Shards", "shards", number),
        ("Written", "output_bytes", num_bytes),
    ]
    return [
        Cost(
            label,
            show(estimate.get(name)),
            show(outcome.get(name)),
            _ratio(estimate, outcome, name),
        )
        for label, name, show in figures
    ]


def _hours(value: object) -> str:
    hours = as_float(value)
    return duration(None if hours is None else 3600 * hours)


def _ratio(estimate: Mapping[str, Any], outcome: Mapping[str, Any], name: str) -> float | None:
    before, after = as_float(estimate.get(name)), as_float(outcome.get(name))
    return after / before if before and after is not None else None
