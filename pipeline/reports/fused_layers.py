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
    """Return the towers' layers as columns of boxes, and the fusion layers as one between them.

    Args:
        name: Word that makes the SVG's ids unique on the page.
        title: Above the picture.
        units: The fusion layers, first to last: `layers` by modality and `activation`.
        depths: Layers of each modality's tower.
    """
    # Between the towers, so that of two no arrow crosses a box of the other.
    column = (len(depths) + 1) // 2
    place = {name: x + (x >= column) for x, name in enumerate(depths)}
    rows = max(*depths.values(), len(units) + 1)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(1.7 * (len(depths) + 1), 0.6 * rows + 0.5))
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
            _arrow(axes, (column, level), (column, level + 1))
        axes.text(column, len(units), "answer", color=INK, ha="center", va="center")
        axes.set_xlim(-0.6, len(depths) + 0.6)
        axes.set_ylim(-0.6, rows - 0.4)
        return inline(figure, name, title)


def _box(axes: Axes, x: float, y: float, label: str, *, used: bool) -> None:
    frame = {"boxstyle": "round,pad=0.35", "facecolor": "none", "edgecolor": C1 if used else LINE}
    ink = INK if used else MUTED
    axes.text(x, y, clean(label), color=ink, ha="center", va="center", bbox=frame, zorder=3)


def _arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    shape = {"arrowstyle": "->", "color": MUTED, "shrinkA": 28, "shrinkB": 28, "alpha": 0.7}
    if begin[0] == end[0]:
        shape |= {"shrinkA": 9, "shrinkB": 9}
    axes.annotate("", xy=end, xytext=begin, arrowprops=shape, zorder=2)
