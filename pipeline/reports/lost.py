"""What methods keep when a modality is lost: the matrix of subsets, and curves over corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipeline.reports.plots import C1, C2, C3, C4, GOOD, Series, line_chart

_INKS = (C1, C2, C3, C4, GOOD)
_LEVELS = [step / 10 for step in range(10)]

_STAND_INS = {
    "zero": "zeros stand in",
    "mean": "the train split's means stand in",
    "learned": "a regression on the present modalities stands in",
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """Methods by subsets of modalities that are there."""

    kind: str
    subsets: list[str]
    rows: list[tuple[str, list[tuple[str, str, float]]]]
    """Methods with, for each subset: the figure, its drop from all, and the share lost (0..1)."""


@dataclass(frozen=True, slots=True)
class LostSection:
    """Matrices and curves of one task."""

    matrices: list[Matrix]
    charts: list[Markup]
    kept: list[tuple[str, list[tuple[str, str]]]]
    """Methods with relative and effective robustness for each of `curves`."""
    curves: list[str]


def lost_section(task: Mapping[str, Any], anchor: str) -> LostSection:
    """Draw what is known; methods stand in the order of the table."""
    rows = task["methods"]
    of_classes = task["labels"] == "classes"
    kinds = list(rows[0]["missing"]) if rows else []
    curves = [
        (modality, kind)
        for modality, by in (rows[0]["corrupted"] if rows else {}).items()
        for kind in by
    ]
    return LostSection(
        matrices=[_matrix(kind, rows, of_classes) for kind in kinds],
        charts=[_chart(task, modality, kind, anchor) for modality, kind in curves],
        kept=[
            (
                row["method"],
                [
                    (f"{kept['relative']:.3f}", f"{kept['effective']:+.3f}")
                    for modality, kind in curves
                    for kept in (row["robustness"][modality][kind],)
                ],
            )
            for row in rows
            if "robustness" in row
        ],
        curves=[f"{modality}, {kind}" for modality, kind in curves],
    )


def _matrix(kind: str, rows: Sequence[Mapping[str, Any]], of_classes: bool) -> Matrix:
    subsets = list(rows[0]["missing"][kind])
    whole = subsets[0]
    found = []
    for row in rows:
        by = row["missing"][kind]
        cells = []
        for subset in subsets:
            drop = by[subset] - by[whole]
            shown = f"{100 * by[subset]:.1f}" if of_classes else f"{by[subset]:.3f}"
            lost = f"{100 * drop:+.1f}" if of_classes else f"{drop:+.3f}"
            share = min(1.0, max(0.0, -drop / abs(by[whole]))) if by[whole] else 0.0
            cells.append((shown, lost if subset != whole else "", share))
        found.append((row["method"], cells))
    return Matrix(_STAND_INS.get(kind, kind), subsets, found)


def _chart(task: Mapping[str, Any], modality: str, kind: str, anchor: str) -> Markup:
    """Draw the best methods, the baseline among them; more lines than five say nothing."""
    rows = task["methods"]
    chosen = [row for row in rows if row["method"] == task["baseline"]]
    chosen += [row for row in rows if row not in chosen][: len(_INKS) - len(chosen)]
    series = [
        Series(row["method"], _LEVELS, row["corrupted"][modality][kind], ink, noisy=False)
        for row, ink in zip(chosen, _INKS, strict=False)
    ]
    what = "Accuracy" if task["labels"] == "classes" else "Minus error"
    name = f"lost-{anchor}-{modality}-{kind}"
    return line_chart(name, f"{what}, {modality}: {kind}", series, xlabel="level")
