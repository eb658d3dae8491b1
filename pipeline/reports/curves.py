"""The training section: losses, schedule, speed and validation over steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from pipeline.reports import missing
from pipeline.reports.inputs import RunFiles
from pipeline.reports.interruptions import Span
from pipeline.reports.missing import Missing
from pipeline.reports.plots import C1, C2, C3, C4, INK, Level, Marks, Series, line_chart
from pipeline.reports.text import as_float

MAX_POINTS = 2000
"""Points of a curve; of a longer one each is the mean of several steps."""


@dataclass(frozen=True, slots=True)
class CurvesSection:
    """Charts, the steps at which training was taken up again, and plain facts beside them."""

    charts: list[Markup] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    num_steps: int = 0
    planned_steps: int | None = None
    first_loss: float | None = None
    last_loss: float | None = None
    steps_per_point: int = 1
    missing: list[Missing] = field(default_factory=list)


def curves_section(run: RunFiles, lost: Sequence[Span] = ()) -> CurvesSection:
    """Draw what metrics.jsonl holds of the training, and where steps were `lost`."""
    planned = run.setting("training.steps")
    planned_steps = planned if isinstance(planned, int) else None
    if not run.training:
        return CurvesSection(
            planned_steps=planned_steps,
            missing=[Missing("No training steps in metrics.jsonl.", missing.train(run.name))],
        )
    resumed = resumed_steps(run.attempts)
    marks = Marks(resumed, lost)
    charts = [
        _losses(run, marks),
        _cyclic(run, marks),
        _relative_error(run, marks),
        _several(run, "logits", "Mean logit of a pair", _LOGITS, marks),
        _beside(run, marks),
        _several(run, "batch-recall", "Recall in the batch", _RECALLS, marks),
        _plain(run, "lr", "train/lr", "Learning rate", C1, marks, noisy=False),
        _plain(run, "grad", "train/grad_norm", "Gradient norm", C3, marks, log=True),
        _several(run, "own-grads", "Gradient norm of each objective", _OWN_NORMS, marks),
        _several(run, "conflict", "Do the objectives pull the same way?", _COSINE, marks),
        _plain(run, "speed", "train/clips_per_s", "Clips per second", C2, marks),
        _several(run, "step-time", "Seconds a step, last 100 steps", _STEP_TIMES, marks),
        _plain(run, "wait", "train/data_wait", "Waiting for data, share of a step", C4, marks),
        _plain(run, "mfu", "train/mfu", "Model FLOPs utilisation", C2, marks),
        _memory(run, marks),
    ]
    return CurvesSection(
        charts=[chart for chart in charts if chart is not None],
        resumed=resumed,
        num_steps=len({row.get("step") for row in run.training}),
        planned_steps=planned_steps,
        first_loss=as_float(run.training[0].get("train/loss")),
        last_loss=as_float(run.training[-1].get("train/loss")),
        steps_per_point=-(-len(run.training) // MAX_POINTS),
    )


_LOGITS = (("train/positive_logit", "own narration", C2), ("train/negative_logit", "others", C3))
_RECALLS = (
    ("train/recall_at_1", "at 1", C1),
    ("train/recall_at_5", "at 5", C2),
    ("train/recall_at_10", "at 10", C3),
)
_OWN_NORMS = (
    ("train/grad_norm_mil_nce", "contrastive", C1),
    ("train/grad_norm_cyclic", "cyclic", C3),
)
_COSINE = (("train/gradient_cosine", "cosine of their gradients", C4),)
_STEP_TIMES = (
    ("time/step_p50_s", "median", C1),
    ("time/step_p95_s", "95th percentile", C4),
)


def resumed_steps(attempts: list[dict]) -> list[int]:
    """Return the steps at which a later attempt went on, rising, each once."""
    steps = {row.get("from_step") for row in attempts}
    return sorted(step for step in steps if isinstance(step, int) and step > 0)


def series_of(rows: list[dict], key: str) -> tuple[list[float], list[float]]:
    """Return steps and values of the rows that hold a finite figure under `key`, thinned."""
    pairs = [
        (step, value)
        for row in rows
        if (step := as_float(row.get("step"))) is not None
        and (value := as_float(row.get(key))) is not None
    ]
    size = -(-len(pairs) // MAX_POINTS)
    if size > 1:
        groups = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        pairs = [
            (sum(step for step, _ in group) / len(group), sum(v for _, v in group) / len(group))
            for group in groups
        ]
    return [step for step, _ in pairs], [value for _, value in pairs]


def _lost_series(run: RunFiles) -> Series | None:
    """Return the losses of steps that were done again, with a gap between interruptions."""
    steps: list[float] = []
    losses: list[float] = []
    before: object = None
    for row in run.lost:
        step, loss = as_float(row.get("step")), as_float(row.get("train/loss"))
        if step is None or loss is None:
            continue
        if steps and (row.get("from_step") != before or step <= steps[-1]):
            steps.append(steps[-1])
            losses.append(math.nan)
        before = row.get("from_step")
        steps.append(step)
        losses.append(loss)
    label = "lost, before it was done again"
    return Series(label, steps, losses, INK, dashed=True) if steps else None


def _losses(run: RunFiles, marks: Marks) -> Markup | None:
    contrastive = str(run.setting("objectives.contrastive", "mil_nce"))
    name = {"nce": "NCE", "max_margin": "max-margin", "info_nce": "InfoNCE"}.get(
        contrastive, "MIL-NCE"
    )
    lines = []
    for key, label, color in (
        ("train/loss", "total", C1),
        ("train/mil_nce", name, C2),
    ):
        steps, values = series_of(run.training, key)
        if steps and not (key == "train/mil_nce" and values == lines[0].y):
            lines.append(Series(label, steps, values, color))
    for key, label, color in (
        ("val/loss", "total, held out", C1),
        ("val/mil_nce", f"{name}, held out", C2),
    ):
        steps, values = series_of(run.validation, key)
        if steps:
            lines.append(Series(label, steps, values, color, dots=True))
    if not lines:
        return None
    lost = _lost_series(run)
    lines += [lost] if lost is not None else []
    twice = run.setting("objectives.mil_nce.positives_in_denominator", "twice") == "twice"
    twice = twice and contrastive in ("mil_nce", "nce")
    floor = Level(math.log(2), f"{name} floor, ln 2", below=True)
    floor = floor if twice else Level(0.0, f"{name} floor, 0", below=True)
    return line_chart("loss", "Loss", lines, marks=marks, level=floor, wide=True)


def _cyclic(run: RunFiles, marks: Marks) -> Markup | None:
    lines = []
    for rows, key, label, dots in (
        (run.training, "train/cyclic", "training", False),
        (run.validation, "val/cyclic", "held out", True),
    ):
        steps, values = series_of(rows, key)
        if steps:
            lines.append(Series(label, steps, values, C3, dots=dots))
    return line_chart("cyclic", "Cyclic translation loss", lines, marks=marks) if lines else None


def _relative_error(run: RunFiles, marks: Marks) -> Markup | None:
    steps, values = series_of(run.validation, "val/cyclic_relative_error")
    if not steps:
        return None
    line = Series("held out", steps, values, C3, dots=True)
    title = "Translation error / target variance, held out"
    guess = Level(1.0, "predicting the mean")
    return line_chart("cyclic-error", title, [line], marks=marks, level=guess)


def _plain(
    run: RunFiles,
    name: str,
    key: str,
    title: str,
    color: str,
    marks: Marks,
    *,
    log: bool = False,
    noisy: bool = True,
) -> Markup | None:
    steps, values = series_of(run.training, key)
    if not steps:
        return None
    log = log and min(values) > 0
    line = Series(title, steps, values, color, noisy=noisy)
    return line_chart(name, title, [line], marks=marks, log=log)


def _several(
    run: RunFiles,
    name: str,
    title: str,
    curves: Sequence[tuple[str, str, str]],
    marks: Marks,
) -> Markup | None:
    lines = []
    for key, label, color in curves:
        steps, values = series_of(run.training, key)
        if steps:
            lines.append(Series(label, steps, values, color))
    if not lines:
        return None
    return line_chart(name, title, lines, marks=marks)


def _beside(run: RunFiles, marks: Marks) -> Markup | None:
    """Draw the recall of checkpoints that were measured while training; a later line counts."""
    newest = {row["step"]: row for row in run.beside if isinstance(row.get("step"), int)}
    rows = [newest[step] for step in sorted(newest)]
    lines = []
    for key, label, color in (("t2v", "text to video", C1), ("chance", "chance", C3)):
        steps, values = series_of(rows, f"eval/{key}_r10")
        if steps:
            lines.append(Series(label, steps, values, color, noisy=False))
    if not lines:
        return None
    return line_chart("beside", "R@10 of checkpoints, measured while training", lines, marks=marks)


def _memory(run: RunFiles, marks: Marks) -> Markup | None:
    lines = []
    for key, label, color in (
        ("memory/rss_bytes", "process", C1),
        ("memory/cuda_peak_bytes", "tensors on CUDA, peak", C2),
    ):
        steps, values = series_of(run.training, key)
        if steps:
            gib = [value / 2**30 for value in values]
            lines.append(Series(label, steps, gib, color, noisy=False))
    if not lines:
        return None
    title = "Memory in GiB, worker with the most"
    return line_chart("memory", title, lines, marks=marks)
