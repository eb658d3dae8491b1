"""The fusion section: single modalities against early and late fusion, with their spread."""

from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.inputs import RunFiles
from pipeline.reports.missing import Missing
from pipeline.reports.plots import C1, C2, C3, MUTED, Bar, Level, bar_chart
from pipeline.reports.text import as_float, clean

_KINDS = ("unimodal", "early", "late")
_COLORS = {"unimodal": MUTED, "early": C2, "late": C1}


@dataclass(frozen=True, slots=True)
class FusionRow:
    """One method. `ceiling` is the best that its modality alone allows, where it is known."""

    name: str
    label: str
    kind: str
    mean: float
    std: float | None
    accuracies: list[float]
    ceiling: float | None
    exceeds_ceiling: bool
    best: bool


@dataclass(frozen=True, slots=True)
class FusionSection:
    """Table and chart; `gain` is best fusion minus best single modality."""

    rows: list[FusionRow] = field(default_factory=list)
    best_single: FusionRow | None = None
    best_fused: FusionRow | None = None
    gain: float | None = None
    chance: float | None = None
    majority: float | None = None
    num_classes: int | None = None
    num_test: object = None
    num_train: object = None
    num_seeds: int | None = None
    chart: Markup | None = None
    missing: list[Missing] = field(default_factory=list)


def fusion_section(run: RunFiles) -> FusionSection:
    """Read rows from evaluation/fusion.json; the means are those of evaluations.jsonl."""
    rows = _rows(run.fusion, run.evaluation)
    if not rows:
        gap = missing.measured(run.fusion, "No fusion figures.", run.name)
        return FusionSection(missing=[gap])
    single = max((r for r in rows if r.kind == "unimodal"), key=lambda r: r.mean, default=None)
    fused = max((r for r in rows if r.kind != "unimodal"), key=lambda r: r.mean, default=None)
    chance, majority = as_float(run.fusion.get("chance")), as_float(run.fusion.get("majority"))
    classes, seeds = run.fusion.get("classes"), run.fusion.get("seeds")
    return FusionSection(
        rows=rows,
        best_single=single,
        best_fused=fused,
        gain=fused.mean - single.mean if fused and single else None,
        chance=chance,
        majority=majority,
        num_classes=len(classes) if isinstance(classes, list) else None,
        num_test=run.fusion.get("num_test"),
        num_train=run.fusion.get("num_train"),
        num_seeds=len(seeds) if isinstance(seeds, list) else None,
        chart=_chart(rows, chance),
    )


def _rows(fusion: dict, evaluation: dict) -> list[FusionRow]:
    listed = fusion.get("rows")
    found = [
        _row(row, evaluation)
        for row in (listed if isinstance(listed, list) else [])
        if isinstance(row, dict)
    ]
    rows = [row for row in found if row is not None]
    best = max((row.mean for row in rows), default=None)
    order = {kind: place for place, kind in enumerate(_KINDS)}
    rows.sort(key=lambda row: order.get(row.kind, len(order)))
    return [
        FusionRow(
            row.name, row.label, row.kind, row.mean, row.std, row.accuracies, row.ceiling,
            row.exceeds_ceiling, row.mean == best,
        )
        for row in rows
    ]  # fmt: skip


def _row(row: dict, evaluation: dict) -> FusionRow | None:
    name = clean(str(row.get("name", "")))
    mean = as_float(evaluation.get(f"eval/fusion_{name}_mean"))
    mean = as_float(row.get("mean")) if mean is None else mean
    if not name or mean is None:
        return None
    accuracies = row.get("accuracies")
    return FusionRow(
        name=name,
        label=name.replace("_", " "),
        kind=str(row.get("kind", "")),
        mean=mean,
        std=as_float(row.get("std")),
        accuracies=[a for a in accuracies if as_float(a) is not None]
        if isinstance(accuracies, list)
        else [],
        ceiling=as_float(row.get("ceiling")),
        exceeds_ceiling=row.get("exceeds_ceiling") is True,
        best=False,
    )


def _chart(rows: list[FusionRow], chance: float | None) -> Markup:
    bars = [
        Bar(
            row.label.replace(" ", "\n"), row.mean, row.std or 0.0,
            _COLORS.get(row.kind, C3), row.ceiling,
        )
        for row in rows
    ]  # fmt: skip
    levels = [Level(chance, "chance")] if chance is not None else []
    return bar_chart(
        "fusion", "Accuracy on held-out clips, mean and spread over seeds", bars, levels
    )
