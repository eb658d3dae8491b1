"""The run's own accuracy with modalities missing, as `evaluation/absent.json` has it."""

from dataclasses import dataclass, field

from pipeline.reports.ablation import Spread, dicts, spread
from pipeline.reports.inputs import RunFiles
from pipeline.reports.text import as_float, clean

INPUTS = {"own": "features of each modality", "joint": "and their joint features"}
"""Keys of the file: what the classifier was given, in the order shown."""


@dataclass(frozen=True, slots=True)
class AbsentRow:
    """One set of modalities that are there, and the accuracies of what the classifier was given."""

    present: str
    fill: str
    """What stands in for the others; nothing where all are there."""
    figures: list[Spread | None]
    """In the order of the headings."""


@dataclass(frozen=True, slots=True)
class AbsentSection:
    """A row a set, most modalities first."""

    headings: list[str] = field(default_factory=list)
    rows: list[AbsentRow] = field(default_factory=list)


def absent_section(run: RunFiles) -> AbsentSection:
    """Read what is there; a run that was evaluated without labels has none."""
    found = {key: run.absent.get(key) for key in INPUTS if isinstance(run.absent.get(key), dict)}
    rows: dict[tuple[str, str], dict[str, Spread | None]] = {}
    for key, record in found.items():
        for row in dicts(record.get("rows") if isinstance(record, dict) else None):
            present = row.get("present")
            if not isinstance(present, list) or not present:
                continue
            fill = clean(str(row.get("fill", ""))) if row.get("missing") else ""
            name = clean(", ".join(map(str, present)))
            rows.setdefault((name, fill), {})[key] = _spread(row.get("accuracies"))
    return AbsentSection(
        [INPUTS[key] for key in found] if rows else [],
        [
            AbsentRow(present, fill, [figures.get(key) for key in found])
            for (present, fill), figures in rows.items()
        ],
    )


def _spread(accuracies: object) -> Spread | None:
    values = [as_float(one) for one in accuracies] if isinstance(accuracies, list) else []
    return spread([value for value in values if value is not None])
