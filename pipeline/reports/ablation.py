"""The section on bags: what the run made of them, and what other losses and bag sizes give.

The second part is `ablation/ablation.json` in the run's folder, as `python -m benchmarks.ablation
runs/NAME/ablation` writes it; without that file the section has its first part alone.
"""

import statistics
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.reports.inputs import RunFiles
from pipeline.reports.plots import C1, C3, MUTED, Bar, Level, bar_chart
from pipeline.reports.text import as_float, clean

MEASURES = (
    ("t2v_r1", "R@1"),
    ("t2v_r5", "R@5"),
    ("t2v_r10", "R@10"),
    ("bag_mass", "mass on right windows"),
)
"""Keys of the figures of a run, and their headings."""

_R10 = [key for key, _ in MEASURES].index("t2v_r10")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over seeds: mean, sample deviation (none of one seed) and all values."""

    mean: float
    std: float | None
    values: list[float]


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One loss with one size of the bag."""

    name: str
    label: str
    figures: list[Spread | None]
    """In the order of MEASURES."""
    num_seeds: int
    best: bool


@dataclass(frozen=True, slots=True)
class AblationSection:
    """Table and chart; `lead` is the lowest MIL-NCE mean of R@10 with K of 3 or more over NCE's."""

    bag: dict[str, float] = field(default_factory=dict)
    """The run's own figures on bags, by name; empty where truth was not known."""
    rows: list[ArmRow] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    steps: float | None = None
    chance: float | None = None
    uniform: float | None = None
    lead: float | None = None
    chart: Markup | None = None


def ablation_section(run: RunFiles) -> AblationSection:
    """Draw the ablation of a run, where it has one."""
    bag = {
        key.removeprefix("eval/bag_"): number
        for key, value in run.evaluation.items()
        if key.startswith("eval/bag_") and (number := as_float(value)) is not None
    }
    if not {"clips", "mass", "uniform", "right_first", "nearest_right"} <= bag.keys():
        bag = {}
    rows = _rows(run.ablation)
    if not rows:
        return AblationSection(bag=bag)
    chance = over_seeds(run.ablation, "chance_r10")
    return AblationSection(
        bag=bag,
        rows=rows,
        headings=[heading for _, heading in MEASURES],
        steps=as_float(run.ablation.get("steps")),
        chance=chance,
        uniform=over_seeds(run.ablation, "bag_uniform"),
        lead=_lead(rows),
        chart=_chart(rows, chance),
    )


def spread(values: list[float]) -> Spread | None:
    """Return mean and sample deviation; None of no values."""
    if not values:
        return None
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), std, values)


def _rows(ablation: dict) -> list[ArmRow]:
    rows = []
    for arm in dicts(ablation.get("arms")):
        runs = figures_of(arm)
        figures = [spread(values_of(runs, key)) for key, _ in MEASURES]
        if any(figures):
            label = clean(str(arm.get("label", arm.get("name", ""))))
            rows.append(ArmRow(str(arm.get("name", "")), label, figures, len(runs), best=False))
    means = [row.figures[_R10] for row in rows]
    best = max((one.mean for one in means if one is not None), default=None)
    return [
        ArmRow(
            row.name, row.label, row.figures, row.num_seeds, one is not None and one.mean == best
        )
        for row, one in zip(rows, means, strict=True)
    ]


def _lead(rows: list[ArmRow]) -> float | None:
    r10 = {row.name: row.figures[_R10] for row in rows}
    base = r10.get("k1")
    others = [one.mean for name, one in r10.items() if name in ("k3", "k5") and one is not None]
    return min(others) - base.mean if base is not None and others else None


def over_seeds(ablation: dict, key: str) -> float | None:
    """Return what does not depend on the arm, from any run."""
    for arm in dicts(ablation.get("arms")):
        if values := values_of(figures_of(arm), key):
            return values[0]
    return None


def values_of(runs: list[dict], key: str) -> list[float]:
    """Return a figure of the runs that have it."""
    found = [as_float(figures.get(key)) for figures in runs]
    return [value for value in found if value is not None]


def dicts(value: object) -> list[dict]:
    """Return what is a mapping, of a list that a file may hold anything in."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def figures_of(arm: dict) -> list[dict]:
    """Return the figures of an arm's runs."""
    return dicts([one.get("figures") for one in dicts(arm.get("runs"))])


def _chart(rows: list[ArmRow], chance: float | None) -> Markup:
    bars = [
        Bar(
            row.label.replace(", ", "\n"), one.mean, one.std or 0.0,
            C1 if row.name in ("k3", "k5") else MUTED if row.name == "k1" else C3,
        )
        for row in rows
        if (one := row.figures[_R10]) is not None
    ]  # fmt: skip
    levels = [Level(chance, "chance")] if chance is not None else []
    return bar_chart("ablation", "Text to video, R@10, mean and spread over seeds", bars, levels)
