"""The training section: losses, schedule, speed and validation over steps."""

import math
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.inputs import RunFiles
from pipeline.reports.missing import Missing
from pipeline.reports.plots import C1, C2, C3, C4, Level, Series, line_chart
from pipeline.reports.text import as_float


@dataclass(frozen=True, slots=True)
class CurvesSection:
    """Charts, the steps at which training was taken up again, and plain facts beside them."""

    charts: list[Markup] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    num_steps: int = 0
    planned_steps: int | None = None
    first_loss: float | None = None
    last_loss: float | None = None
    missing: list[Missing] = field(default_factory=list)


def curves_section(run: RunFiles) -> CurvesSection:
    """Draw what metrics.jsonl holds of the training."""
    planned = run.setting("training.steps")
    planned_steps = planned if isinstance(planned, int) else None
    if not run.training:
        return CurvesSection(
            planned_steps=planned_steps,
            missing=[Missing("No training steps in metrics.jsonl.", missing.train(run.name))],
        )
    resumed = resumed_steps(run.attempts)
    charts = [
        _losses(run, resumed),
        _cyclic(run, resumed),
        _relative_error(run, resumed),
        _plain(run, "lr", "train/lr", "Learning rate", C1, resumed, noisy=False),
        _plain(run, "grad", "train/grad_norm", "Gradient norm", C3, resumed, log=True),
        _plain(run, "speed", "train/clips_per_s", "Clips per second", C2, resumed),
        _plain(run, "wait", "train/data_wait", "Waiting for data, share of a step", C4, resumed),
    ]
    return CurvesSection(
        charts=[chart for chart in charts if chart is not None],
        resumed=resumed,
        num_steps=len({row.get("step") for row in run.training}),
        planned_steps=planned_steps,
        first_loss=as_float(run.training[0].get("train/loss")),
        last_loss=as_float(run.training[-1].get("train/loss")),
    )


def resumed_steps(attempts: list[dict]) -> list[int]:
    """Return the steps at which a later attempt went on, rising, each once."""
    steps = {row.get("from_step") for row in attempts}
    return sorted(step for step in steps if isinstance(step, int) and step > 0)


def series_of(rows: list[dict], key: str) -> tuple[list[float], list[float]]:
    """Return steps and values of the rows that hold a finite figure under `key`."""
    pairs = [
        (step, value)
        for row in rows
        if (step := as_float(row.get("step"))) is not None
        and (value := as_float(row.get(key))) is not None
    ]
    return [step for step, _ in pairs], [value for _, value in pairs]


def _losses(run: RunFiles, resumed: list[int]) -> Markup | None:
    lines = []
    for key, label, color in (
        ("train/loss", "total", C1),
        ("train/mil_nce", "MIL-NCE", C2),
    ):
        steps, values = series_of(run.training, key)
        if steps and not (key == "train/mil_nce" and values == lines[0].y):
            lines.append(Series(label, steps, values, color))
    for key, label, color in (
        ("val/loss", "total, held out", C1),
        ("val/mil_nce", "MIL-NCE, held out", C2),
    ):
        steps, values = series_of(run.validation, key)
        if steps:
            lines.append(Series(label, steps, values, color, dots=True))
    if not lines:
        return None
    twice = run.setting("objectives.mil_nce.positives_in_denominator", "twice") == "twice"
    floor = Level(math.log(2), "MIL-NCE floor, ln 2", below=True)
    floor = floor if twice else Level(0.0, "MIL-NCE floor, 0", below=True)
    return line_chart("loss", "Loss", lines, marks=resumed, level=floor, wide=True)


def _cyclic(run: RunFiles, resumed: list[int]) -> Markup | None:
    lines = []
    for rows, key, label, dots in (
        (run.training, "train/cyclic", "training", False),
        (run.validation, "val/cyclic", "held out", True),
    ):
        steps, values = series_of(rows, key)
        if steps:
            lines.append(Series(label, steps, values, C3, dots=dots))
    return line_chart("cyclic", "Cyclic translation loss", lines, marks=resumed) if lines else None


def _relative_error(run: RunFiles, resumed: list[int]) -> Markup | None:
    steps, values = series_of(run.validation, "val/cyclic_relative_error")
    if not steps:
        return None
    line = Series("held out", steps, values, C3, dots=True)
    title = "Translation error / target variance, held out"
    guess = Level(1.0, "predicting the mean")
    return line_chart("cyclic-error", title, [line], marks=resumed, level=guess)


def _plain(
    run: RunFiles,
    name: str,
    key: str,
    title: str,
    color: str,
    resumed: list[int],
    *,
    log: bool = False,
    noisy: bool = True,
) -> Markup | None:
    steps, values = series_of(run.training, key)
    if not steps:
        return None
    log = log and min(values) > 0
    line = Series(title, steps, values, color, noisy=noisy)
    return line_chart(name, title, [line], marks=resumed, log=log)
