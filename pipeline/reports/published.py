"""Rows of the report for published protocols: what this run reached, and what was published."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.reports.text import as_float

NAMES = {"youcook2": "YouCook2", "msrvtt": "MSR-VTT"}
PUBLISHED = {
    "youcook2": "51.2 % (S3D, batch 8192)",
    "msrvtt": "32.4 % (S3D, batch 8192)",
    "probe": "53.1 % on HMDB51 (S3D, batch 8192)",
    "steps": "",
}
"""Of the authors' README (antoine77340/MIL-NCE_HowTo100M)."""


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One protocol."""

    name: str
    figure: str
    value: float
    chance: float | None
    counted: str
    """What of the listing was there."""
    published: str


def published_rows(files: Mapping[str, dict]) -> list[PublishedRow]:
    """Return the protocols that were measured; a file that is missing or foreign gives none.

    Args:
        files: `benchmark`, `probe` and `steps` of the run's `evaluation` folder.
    """
    rows = [
        _ranked(files.get("benchmark", {})),
        _probed(files.get("probe", {})),
        _localised(files.get("steps", {})),
    ]
    return [row for row in rows if row is not None]


def _ranked(record: dict) -> PublishedRow | None:
    found, chance = record.get("t2v"), record.get("chance")
    value = as_float(found.get("r10")) if isinstance(found, dict) else None
    layout = str(record.get("layout"))
    if value is None or layout not in NAMES:
        return None
    return PublishedRow(
        NAMES[layout],
        "text-to-video R@10",
        value,
        as_float(chance.get("r10")) if isinstance(chance, dict) else None,
        _there(record, "rows"),
        PUBLISHED[layout],
    )


def _probed(record: dict) -> PublishedRow | None:
    value, classes = as_float(record.get("accuracy")), as_float(record.get("classes"))
    if value is None:
        return None
    chance = 1 / classes if classes else None
    splits = record.get("splits")
    number = len(splits) if isinstance(splits, list) else 0
    figure = f"accuracy of a linear probe, mean of {number} splits"
    return PublishedRow(
        "Linear probe", figure, value, chance, _there(record, "videos"), PUBLISHED["probe"]
    )


def _localised(record: dict) -> PublishedRow | None:
    value, any_order = (as_float(record.get(f"recall_{way}")) for way in ("in_order", "any_order"))
    if value is None:
        return None
    figure = "recall of steps, in the list's order"
    if any_order is not None:
        figure += f" (in any order {100 * any_order:.1f} %)"
    counted = f"{record.get('videos')} videos of {record.get('tasks')} tasks"
    return PublishedRow("CrossTask", figure, value, None, counted, PUBLISHED["steps"])


def _there(record: dict, what: str) -> str:
    total, missing = as_float(record.get("rows")), as_float(record.get("rows_missing"))
    if total is None or missing is None:
        return ""
    return f"{total - missing:.0f} of {total:.0f} {what}"
