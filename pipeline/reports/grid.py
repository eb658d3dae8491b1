"""The page of a grid: which fusion is worth what, on which task, and what a lost modality costs.

Made of `summary.json` alone, as `weakvid compare` writes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipeline.reports.fused_layers import draw_fused_layers
from pipeline.reports.lost import LostSection, lost_section
from pipeline.reports.page import environment, style
from pipeline.reports.plots import (
    C1,
    C2,
    C4,
    MUTED,
    Bar,
    Dots,
    Level,
    Series,
    bar_chart,
    dot_map,
    line_chart,
)
from pipeline.reports.text import duration, num_bytes, number
from shards.paths import AnyPath
from shards.storage import write_atomic

REPORT = "report.html"

_MOST_BARS = 12


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method on one task, every figure as it is shown."""

    name: str
    main: str
    std: str
    seeds: str
    f1: str
    ece: str
    difference: str
    interval: str
    p: str
    verdict: str
    parameters: str
    train: str
    score: str
    memory: str
    best: bool
    blind: bool


@dataclass(frozen=True, slots=True)
class TaskSection:
    """Everything that the template shows of one task."""

    name: str
    anchor: str
    lead: str
    headings: tuple[str, str, str]
    """Of the main figure, of F1 and of the calibration error, or what stands there for scores."""
    baseline: str
    blind: str
    rows: list[MethodRow]
    chart: Markup | None
    lost: LostSection
    weights: list[tuple[str, list[tuple[str, float]]]]
    """Methods with what they give each kernel or modality, the share first."""
    searches: list[tuple[Markup, str, float]]
    maps: list[Markup]
    unfit: list[tuple[str, str]]


def write_grid_report(out: AnyPath, summary: Mapping[str, Any]) -> str:
    """Write `report.html` beside the summary, and return its path."""
    sections = [_section(task) for task in summary["tasks"]]
    template = environment("pipeline.reports").get_template("grid.html.j2")
    page = template.render(
        name=out.name,
        sections=sections,
        failed=sorted(summary["failed"].items()),
        style=style("pipeline.reports", "report.css"),
    )
    path = str(out / REPORT)
    write_atomic(path, page.encode("utf-8"))
    return path


def compared_rows(summary: Mapping[str, Any]) -> list[MethodRow]:
    """Return the methods that were compared on a run's own features; none of a broken file."""
    try:
        task = next(one for one in summary.get("tasks", []) if one["task"] == "features")
        return [_row(row, task, of_classes=True) for row in task["methods"]]
    except (KeyError, TypeError, StopIteration):
        return []


def _section(task: Mapping[str, Any]) -> TaskSection:
    of_classes = task["labels"] == "classes"
    rows = [_row(row, task, of_classes=of_classes) for row in task["methods"]]
    anchor = "".join(c if c.isalnum() else "-" for c in task["task"])
    counts = task["examples"]
    return TaskSection(
        name=task["task"],
        anchor=anchor,
        lead=(
            f"{len(task['modalities'])} modalities ({', '.join(task['modalities'])}), "
            f"{number(counts['train'])} examples to learn from, {number(counts['val'])} to choose "
            f"by, {number(counts['test'])} to be measured on"
            + (f", {len(task['classes'])} classes." if of_classes else ", labels are scores.")
        ),
        headings=("accuracy", "F1", "ECE") if of_classes else ("minus MAE", "correlation", ""),
        baseline=task["baseline"] or "",
        blind=_shown(task["blind"], of_classes),
        rows=rows,
        chart=_chart(task, anchor) if of_classes and rows else None,
        lost=lost_section(task, anchor),
        weights=_weights(task["methods"]),
        searches=_searches(task, anchor),
        maps=_maps(task, anchor),
        unfit=sorted(task["unfit"].items()),
    )


def _row(row: Mapping[str, Any], task: Mapping[str, Any], *, of_classes: bool) -> MethodRow:
    best = row is task["methods"][0]
    second, third = ("f1_weighted", "ece") if of_classes else ("correlation", "")
    against = row.get("against_baseline")
    is_baseline = row["method"] == task["baseline"]
    cost = row["cost"]
    return MethodRow(
        name=row["method"],
        main=_shown(row["gain"]["mean"], of_classes),
        std="" if row["gain"]["std"] is None else _shown(row["gain"]["std"], of_classes),
        seeds=", ".join(_shown(value, of_classes) for value in row["gain"]["values"]),
        f1=_shown(row["figures"][second]["mean"], of_classes),
        ece=f"{row['figures'][third]['mean']:.3f}" if third else "",
        difference=_signed(against["difference"], of_classes) if against else "",
        interval=(
            f"{_signed(against['low'], of_classes)} to {_signed(against['high'], of_classes)}"
            if against
            else ""
        ),
        p="" if not against or against["mcnemar_p"] is None else f"{against['mcnemar_p']:.3f}",
        verdict="held against" if is_baseline else _verdict(against),
        parameters=number(row["num_parameters"]),
        train=duration(cost["train_cpu_s"]["mean"]),
        score=f"{cost['score_ms']['mean']:.3f} ms",
        memory="" if cost["peak_bytes"] is None else num_bytes(cost["peak_bytes"]),
        best=best,
        blind=row["at_or_below_blind"],
    )


def _verdict(against: Mapping[str, Any] | None) -> str:
    """Return what the interval allows to say."""
    if against is None:
        return ""
    if against["low"] > 0:
        return "better"
    return "worse" if against["high"] < 0 else "no difference shown"


def _shown(value: float, of_classes: bool) -> str:
    return f"{100 * value:.1f} %" if of_classes else f"{value:.3f}"


def _signed(value: float, of_classes: bool) -> str:
    return f"{100 * value:+.1f}" if of_classes else f"{value:+.3f}"


def _chart(task: Mapping[str, Any], anchor: str) -> Markup:
    rows = task["methods"][:_MOST_BARS]
    bars = [
        Bar(
            row["method"].replace("_", "\n").replace(".", "\n").replace("+", "\n+"),
            row["gain"]["mean"],
            row["gain"]["std"] or 0.0,
            _color(row, task["baseline"]),
        )
        for row in rows
    ]
    title = f"Accuracy on {task['task']}, mean and spread over seeds"
    level = Level(task["blind"], "majority")
    return bar_chart(f"grid-{anchor}", title, bars, [level])


def _color(row: Mapping[str, Any], baseline: str | None) -> str:
    if row["method"].startswith("alone."):
        return MUTED
    if row["method"] == baseline:
        return C1
    return C4 if row["at_or_below_blind"] else C2


def _weights(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[tuple[str, float]]]]:
    found = []
    for row in rows:
        weights = row["notes"].get("weights") or {}
        total = sum(abs(value) for value in weights.values())
        if total:
            shares = [(name, value / total) for name, value in weights.items()]
            found.append((row["method"], sorted(shares, key=lambda one: -one[1])))
    return found


def _searches(task: Mapping[str, Any], anchor: str) -> list[tuple[Markup, str, float]]:
    """Return for each search its curve, what it found, and how good that was on val."""
    found = []
    for place, row in enumerate(task["methods"]):
        tried = row["notes"].get("tried") or []
        if not tried:
            continue
        worths = [worth for _, worth in tried]
        best = [max(worths[: count + 1]) for count in range(len(worths))]
        number_of = [float(count) for count in range(1, len(worths) + 1)]
        chart = line_chart(
            f"search-{anchor}-{place}",
            f"{row['method']}: accuracy on val, frozen towers",
            [
                Series("each architecture", number_of, worths, MUTED, dots=True),
                Series("the best so far", number_of, best, C1, noisy=False),
            ],
            xlabel="architectures trained",
        )
        if kept := row["notes"].get("architecture"):
            name = f"fused-{anchor}-{place}"
            chart += draw_fused_layers(name, "what was kept", kept, row["notes"]["depths"])
        name, worth = max(tried, key=lambda one: one[1])
        found.append((chart, name, worth))
    return found


def _maps(task: Mapping[str, Any], anchor: str) -> list[Markup]:
    drawn = []
    for place, (name, points) in enumerate(task["maps"].items()):
        groups = [
            Dots(
                label,
                [x for x, _, c in points if c == number_],
                [y for _, y, c in points if c == number_],
                "osD^vP"[number_ // 6 % 6],
            )
            for number_, label in enumerate(task["classes"])
        ]
        drawn.append(dot_map(f"map-{anchor}-{place}", f"{task['task']}: {name}", groups))
    return drawn
