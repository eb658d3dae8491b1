"""Charts as inline SVG whose colours are the page's own, so they follow light and dark.

matplotlib draws with stand-in colours; these are replaced by CSS variables in the SVG text.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from pipeline.reports.text import clean

INK, MUTED, LINE = "#000101", "#000102", "#000103"
C1, C2, C3, C4, GOOD = "#000111", "#000112", "#000113", "#000114", "#000115"
_VARIABLES = {
    INK: "ink", MUTED: "muted", LINE: "line", C1: "c1", C2: "c2", C3: "c3", C4: "c4", GOOD: "good",
}  # fmt: skip
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.titlepad": 10,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": MUTED,
    "legend.fontsize": 8.5,
    "lines.solid_capstyle": "round",
    "lines.linewidth": 1.8,
}
_SMOOTH_FROM = 30
NUM_BINS = 32


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: `dots` marks rare points, `noisy` lays a smoothed line on top.

    `dashed` is one that others took the place of.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    color: str = C1
    dots: bool = False
    noisy: bool = True
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """What a chart over steps shows of the run's past."""

    resumed: Sequence[float] = ()
    """Steps at which training was taken up again: dotted verticals."""

    lost: Sequence[tuple[float, float]] = ()
    """From where to where steps were done again: shaded."""


NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Level:
    """A dashed horizontal line; a floor has its label `below`, where no curve goes."""

    value: float
    label: str
    below: bool = False


def line_chart(
    name: str,
    title: str,
    series: Sequence[Series],
    *,
    marks: Marks = NO_MARKS,
    level: Level | None = None,
    log: bool = False,
    wide: bool = False,
    xlabel: str = "step",
) -> Markup:
    """Return curves over steps, or over what `xlabel` says.

    Args:
        name: Word that makes the SVG's ids unique on the page.
        title: What the vertical axis shows, with its unit.
        series: The curves; long noisy ones are drawn faint, with a smoothed one on top.
        marks: Where training was resumed, and what was done again.
        level: A dashed line to hold the curves against.
        log: Logarithmic vertical axis.
        wide: Twice as wide as the others.
        xlabel: What the horizontal axis counts.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.9 if wide else 5.2, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        axes.set_xlabel(xlabel)
        axes.margins(y=0.12)
        if log:
            axes.set_yscale("log")
            # Ticks at 1, 2 and 5: any more and their labels stand on each other.
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(_plain_tick)
        for one in series:
            _draw(axes, one)
        if level is not None:
            _level(axes, level)
        for begin, end in marks.lost:
            axes.axvspan(begin, end, color=C3, alpha=0.16, linewidth=0)
        for step in marks.resumed:
            axes.axvline(step, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
        axes.set_xlim(left=0)
        if len(series) > 1:
            axes.legend(loc="best")
        return inline(figure, name, title)


def histogram(name: str, title: str, counted: Mapping[int, int], xlabel: str, color: str) -> Markup:
    """Return a bar for each whole number, as high as it was counted; at least one number."""
    # A single number would fill the whole width: its neighbours are drawn too, at zero.
    low, high = max(0, min(counted) - 1), max(counted) + 1
    counts = dict.fromkeys(range(low, high + 1), 0) | dict(counted)
    with mpl.rc_context(_STYLE):
        figure, axes = _bars(title, xlabel)
        axes.bar(list(counts), list(counts.values()), color=color, width=0.82)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return inline(figure, name, title)


def distribution(
    name: str, title: str, values: Sequence[float], xlabel: str, color: str, *, top: float
) -> Markup:
    """Return 32 bars of equal width from 0 to `top`; what is larger is counted in the last one."""
    edges = [top * place / NUM_BINS for place in range(NUM_BINS + 1)]
    with mpl.rc_context(_STYLE):
        figure, axes = _bars(title, xlabel)
        kept = [min(max(value, 0.0), top) for value in values]
        axes.hist(kept, bins=edges, color=color, rwidth=0.86)
        return inline(figure, name, title)


def _bars(title: str, xlabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.2, 2.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(xlabel)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return figure, axes


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its spread over seeds and the ceiling that is known for it."""

    label: str
    mean: float
    std: float
    color: str
    ceiling: float | None = None


def bar_chart(name: str, title: str, bars: Sequence[Bar], levels: Sequence[Level]) -> Markup:
    """Return vertical bars in 0..1 with error bars; ceilings and levels as dashed lines."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(max(5.4, 0.95 * len(bars) + 1), 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        for place, bar in enumerate(bars):
            axes.bar(place, bar.mean, color=bar.color, width=0.66)
            axes.errorbar(place, bar.mean, bar.std, color=INK, capsize=4, linewidth=1.3)
            axes.annotate(
                f"{100 * bar.mean:.0f}", (place, _top(bar)), (0, 5), color=INK,
                textcoords="offset points", ha="center", fontweight="bold",
            )  # fmt: skip
            if bar.ceiling is not None:
                axes.hlines(
                    bar.ceiling, place - 0.42, place + 0.42, color=INK, linestyle=(0, (3, 2))
                )
        for level in levels:
            _level(axes, level)
        axes.set_xticks(range(len(bars)), [clean(bar.label) for bar in bars])
        axes.set_ylim(0, 1.12)
        # Room on the right for the words on a level, where no bar hides them.
        axes.set_xlim(-0.6, len(bars) + 0.2)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
        return inline(figure, name, title)


@dataclass(frozen=True, slots=True)
class Dots:
    """Points of a map that belong together."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    shape: str


def dot_map(name: str, title: str, groups: Sequence[Dots]) -> Markup:
    """Return points in a plane whose axes mean nothing; groups differ in shade and shape."""
    inks = (C1, C2, C3, C4, GOOD, MUTED)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        for place, one in enumerate(groups):
            ink = inks[place % len(inks)]
            axes.plot(
                one.x, one.y, one.shape, color=ink, label=clean(one.label),
                markersize=4, alpha=0.75, linestyle="none",
            )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        if len(groups) <= 2 * len(inks):
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        return inline(figure, name, title)


def _top(bar: Bar) -> float:
    """Return where a bar's figure goes: above its spread, and above a ceiling close by."""
    top = bar.mean + bar.std
    near = bar.ceiling is not None and top - 0.02 < bar.ceiling < top + 0.1
    return max(top, bar.ceiling) if near and bar.ceiling is not None else top


def _draw(axes: Axes, one: Series) -> None:
    if one.dashed:
        axes.plot(
            one.x, one.y, color=one.color, label=one.label, linewidth=1.1, linestyle=(0, (2, 1.6)),
            zorder=3,
        )  # fmt: skip
    elif one.dots:
        axes.plot(one.x, one.y, "o-", color=one.color, markersize=4.5, label=one.label, alpha=0.9)
    elif not one.noisy or len(one.y) < _SMOOTH_FROM:
        axes.plot(one.x, one.y, color=one.color, label=one.label)
    else:
        axes.plot(one.x, one.y, color=one.color, linewidth=0.8, alpha=0.35)
        axes.plot(one.x, _smooth(one.y), color=one.color, label=one.label)


def _smooth(values: Sequence[float]) -> list[float]:
    """Return a centred moving average that narrows at both ends, so nothing is shifted."""
    half = max(2, len(values) // 40)
    smooth = []
    for place in range(len(values)):
        reach = min(half, place, len(values) - 1 - place)
        part = values[place - reach : place + reach + 1]
        smooth.append(sum(part) / len(part))
    return smooth


def _level(axes: Axes, level: Level) -> None:
    axes.axhline(level.value, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        level.label, (1, level.value), (-2, -3 if level.below else 3), fontsize=8.5, ha="right",
        xycoords=("axes fraction", "data"), textcoords="offset points", color=MUTED,
        va="top" if level.below else "bottom",
    )  # fmt: skip


def _plain_tick(value: float, _: float) -> str:
    return f"{value:g}"


def inline(figure: Figure, name: str, title: str) -> Markup:
    """Return the figure as an SVG element: no namespaces, unique ids, the page's colours."""
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?)\swidth="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?)\sheight="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{name}-", svg)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, f"var(--{variable})")
    label = Markup.escape(clean(title))
    return Markup(svg.replace("<svg", f'<svg class="chart" role="img" aria-label="{label}"', 1))
