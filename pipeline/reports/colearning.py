"""The section on co-learning: what training with translation gives where a modality is missing.

It is `colearning/colearning.json` in the run's folder, as `python -m benchmarks.colearning
runs/NAME/colearning` writes it; without that file there is no such section.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.reports.ablation import Spread, dicts, figures_of, over_seeds, spread, values_of
from pipeline.reports.inputs import RunFiles
from pipeline.reports.plots import C1, C2, C3, MUTED, Bar, Level, bar_chart
from pipeline.reports.text import as_float, clean

TASKS = (("shown", "what is shown"), ("absent", "the demo's label"))
"""Prefixes of the figures of each labelled task, and what it asks."""

KINDS = {
    "": "",
    "_joint": ", with joint features",
    "_forewarned": ", forewarned",
    "_joint_forewarned": ", with joint features, forewarned",
}
"""What follows the prefix: what the classifier was given, and whether it had seen clips without
each modality too when it was trained."""

MISSING = ("text", "video", "audio")
WINDOWS = {"nearest": "bag_nearest_right", "most_similar": "bag_right_first", "soft": "bag_mass"}
"""By choice of window, how much of a bag it gives to right windows; see trainers' bag_mass.py."""

_COLORS = {"mil_nce": MUTED, "cyclic": C3, "both": C1}
_BASE, _CANDIDATE = "mil_nce", "both"


@dataclass(frozen=True, slots=True)
class Row:
    """One arm, or what stands in the same place of two of its figures."""

    label: str
    figures: list[Spread | None]
    num_seeds: int
    arm: str


@dataclass(frozen=True, slots=True)
class Table:
    """Arms by figures; a figure has its mean, its deviation over seeds, and all values."""

    title: str
    headings: list[str]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Lead:
    """Both objectives against MIL-NCE alone in one figure where something is missing."""

    what: str
    key: str
    """Name of the figure in the runs."""
    points: float
    spread: float
    """The larger of the two arms' deviations over seeds."""

    @property
    def ahead(self) -> bool:
        """Whether the difference is above the spread."""
        return self.points > self.spread

    @property
    def behind(self) -> bool:
        """Whether it is as much below."""
        return -self.points > self.spread


@dataclass(frozen=True, slots=True)
class ColearningSection:
    """Tables, the verdict figure by figure, and a chart."""

    tables: list[Table] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    num_ahead: int = 0
    num_behind: int = 0
    steps: float | None = None
    chance: float | None = None
    uniform: float | None = None
    chart: Markup | None = None


def colearning_section(run: RunFiles) -> ColearningSection:
    """Draw the comparison of a run, where it has one."""
    arms = [arm for arm in dicts(run.colearning.get("arms")) if figures_of(arm)]
    if not arms:
        return ColearningSection()
    leads = _leads(arms)
    return ColearningSection(
        tables=[table for table in (*_tables(arms), _windows(arms)) if table.rows],
        leads=leads,
        num_ahead=sum(lead.ahead for lead in leads),
        num_behind=sum(lead.behind for lead in leads),
        steps=as_float(run.colearning.get("steps")),
        chance=over_seeds(run.colearning, "chance_r10"),
        uniform=over_seeds(run.colearning, "bag_uniform"),
        chart=_chart(arms),
    )


def _tables(arms: Sequence[dict]) -> list[Table]:
    """Return a table for each group of arms and each task."""
    groups = (("objectives", "Objectives"), ("remedies", "What was tried to make it help"))
    return [
        Table(
            f"{title}: {asked}",
            ["R@10", "all", *(f"no {m}" for m in MISSING), *(f"no {m}, zeros" for m in MISSING)],
            _task_rows([arm for arm in arms if group in _groups(arm)], task),
        )
        for group, title in groups
        for task, asked in TASKS
    ]


def _task_rows(arms: Sequence[dict], task: str) -> list[Row]:
    rows = []
    for arm in arms:
        for suffix, what in KINDS.items():
            prefix = f"{task}{suffix}"
            keys = [f"{prefix}_without_{m}_{fill}" for fill in ("mean", "zero") for m in MISSING]
            if row := _row(arm, ["t2v_r10", f"{prefix}_all", *keys], what):
                rows.append(row)
    return rows


def _windows(arms: Sequence[dict]) -> Table:
    rows = []
    for arm in arms:
        if "windows" not in _groups(arm):
            continue
        right = WINDOWS.get(str(arm.get("target_window")), "")
        keys = [right, "relative_error", "t2v_r10", "shown_all", "shown_without_text_mean"]
        if row := _row(arm, keys, ""):
            rows.append(row)
    headings = ["given to right windows", "error of translation", "R@10", "all", "no text"]
    return Table("Windows of a bag that stand for a clip's words", headings, rows)


def _row(arm: dict, keys: Sequence[str], what: str) -> Row | None:
    """Return a row, none where it has nothing beside the first figure, which all rows share."""
    runs = figures_of(arm)
    figures = [spread(values_of(runs, key)) for key in keys]
    label = clean(str(arm.get("label", arm.get("name", "")))) + what
    return Row(label, figures, len(runs), str(arm.get("name", ""))) if any(figures[1:]) else None


def _leads(arms: Sequence[dict]) -> list[Lead]:
    runs = {str(arm.get("name")): figures_of(arm) for arm in arms}
    leads = []
    for task, asked in TASKS:
        for missing in MISSING:
            key = f"{task}_without_{missing}_mean"
            base = spread(values_of(runs.get(_BASE, []), key))
            both = spread(values_of(runs.get(_CANDIDATE, []), key))
            if base and both:
                apart = max(base.std or 0.0, both.std or 0.0)
                leads.append(Lead(f"{asked}, no {missing}", key, both.mean - base.mean, apart))
    return leads


def _chart(arms: Sequence[dict]) -> Markup | None:
    bars = []
    for what in ("all", *(f"without_{missing}_mean" for missing in MISSING)):
        for arm in arms:
            name = str(arm.get("name"))
            one = spread(values_of(figures_of(arm), f"shown_{what}"))
            if name in _COLORS and one is not None:
                shown = what.removesuffix("_mean").replace("without_", "no ")
                label = f"{name.replace('_', '-')}\n{shown}"
                bars.append(Bar(label, one.mean, one.std or 0.0, _COLORS.get(name, C2)))
    title = "What is shown: accuracy with all and with one missing, mean and spread over seeds"
    return bar_chart("colearning", title, bars, [Level(1 / 6, "chance")]) if bars else None


def _groups(arm: dict) -> list[str]:
    groups = arm.get("groups")
    return [str(group) for group in groups] if isinstance(groups, list) else []
