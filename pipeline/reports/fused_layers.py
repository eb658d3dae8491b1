"""A picture of an architecture that MFAS has found: towers, fusion layers and what reads what."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.reports.plots import C1, INK, LINE, MUTED, inline
from pipeline.reports.text import clean

_STYLE = {"svg.fonttype": "none", "text.parse_math": False, "font.size": 9.5}


def draw_fused_layers(
    name: str, title: str, units: Sequence[Mapping[str, Any]], depths: Mapping[str, int]
) -> Markup:
    """Return the towers' layers as columns of boxes, and the fusion layers as a column beside.

    Args:
        name: Word that makes the SVG's ids unique on the page.
        title: Above the picture.
        units: The fusion layers, first to last: `layers` by modality and `activation`.
        depths: Layers of each modality's tower.
    """
    place = {modality: column for column, modality in enumerate(depths)}
    column = len(depths) + 0.4
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(1.6 * (len(depths) + 2), 0.7 * max(*depths.values(), len(units))))
        axes = figure.add_axes((0, 0, 1, 0.9))
        axes.set_axis_off()
        axes.set_title(clean(title), color=INK, fontsize=11, fontweight="bold")
        for modality, depth in depths.items():
            read = {unit["layers"][modality] for unit in units}
            for number in range(depth):
                used = number in read
                _box(axes, place[modality], number, f"{modality} {number}", used=used)
        for level, unit in enumerate(units):
            _box(axes, column, level, f"{level}: {unit['activation']}", used=True)
            for modality, number in unit["layers"].items():
                _arrow(axes, (place[modality], number), (column, level))
            if level:
                _arrow(axes, (column, level - 1), (column, level))
        _arrow(axes, (column, len(units) - 1), (column + 1, len(units) - 1))
        axes.text(column + 1, len(units) - 1, "answer", color=INK, ha="center", va="center")
        axes.set_xlim(-0.6, column + 1.5)
        axes.set_ylim(-0.6, max(*depths.values(), len(units)) - 0.4)
        return inline(figure, name, title)


def _box(axes: Axes, x: float, y: float, label: str, *, used: bool) -> None:
    frame = {"boxstyle": "round,pad=0.35", "facecolor": "none", "edgecolor": C1 if used else LINE}
    ink = INK if used else MUTED
    axes.text(x, y, clean(label), color=ink, ha="center", va="center", bbox=frame, zorder=3)


def _arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    shape = {"arrowstyle": "->", "color": MUTED, "shrinkA": 24, "shrinkB": 24, "alpha": 0.7}
    if begin[0] == end[0]:
        shape |= {"shrinkA": 9, "shrinkB": 9}
    axes.annotate("", xy=end, xytext=begin, arrowprops=shape, zorder=2)
