"""The tiles at the top: the figures one asks for first, as they stand in metrics.jsonl."""

from dataclasses import dataclass

from pipeline.reports.curves import CurvesSection
from pipeline.reports.fusion import FusionSection
from pipeline.reports.inputs import RunFiles
from pipeline.reports.intake import IntakeSection
from pipeline.reports.text import as_float, duration, number, percent
from trainers.loop.history import History


@dataclass(frozen=True, slots=True)
class Tile:
    """A label, its figure, a line below; `exact` is the figure unrounded, `key` its name."""

    label: str
    figure: str
    note: str
    exact: float | None
    key: str = ""
    main: bool = False


def tiles(
    run: RunFiles,
    intake: IntakeSection,
    curves: CurvesSection,
    fusion: FusionSection,
    history: History,
) -> list[Tile]:
    """Return the tiles; a figure that is not there is a dash."""
    clips = "" if intake.planned is None else f"of {number(intake.planned)} planned"
    videos = "" if intake.num_videos is None else f"{number(intake.num_videos)} videos"
    steps = curves.num_steps or None
    facts = [] if curves.planned_steps is None else [f"of {number(curves.planned_steps)}"]
    if history.interruptions:
        facts.append(f"effective training time {percent(history.effective)}")
    return [
        _recall(run),
        _fusion(run, fusion),
        _translation(run),
        Tile("Clips", number(intake.num_clips), clips, intake.num_clips),
        Tile("Footage in clips", duration(_seconds(intake)), videos, intake.hours, "hours"),
        Tile("Training steps", number(steps), ", ".join(facts), steps),
    ]


def _recall(run: RunFiles) -> Tile:
    recall = as_float(run.evaluation.get("eval/t2v_r10"))
    chance = as_float(run.evaluation.get("eval/chance_r10"))
    note = "" if recall is not None else "not measured"
    if recall is not None and chance:
        note = f"{recall / chance:.1f}\u00d7 chance, which is {percent(chance)}"
    return Tile("Text-to-video R@10", percent(recall), note, recall, "eval/t2v_r10", main=True)


def _fusion(run: RunFiles, fusion: FusionSection) -> Tile:
    best, single = fusion.best_fused, fusion.best_single
    if best is None:
        return Tile("Best fusion", number(None), "not measured", None, main=True)
    note = best.label
    if single is not None and fusion.gain is not None:
        note = f"{100 * fusion.gain:+.1f} points over {single.label} alone"
    key = f"eval/fusion_{best.name}_mean"
    key = key if key in run.evaluation else "fusion.json"
    return Tile("Best fusion", percent(best.mean), note, best.mean, key, main=True)


def _translation(run: RunFiles) -> Tile:
    key = "val/cyclic_relative_error"
    found = [
        (key, value) for row in run.validation if (value := as_float(row.get(key))) is not None
    ]
    at_end = as_float(run.evaluation.get("eval/cyclic_relative_error"))
    if at_end is not None:
        found.append(("eval/cyclic_relative_error", at_end))
    key, value = found[-1] if found else (key, None)
    note = "of the target's variance; 1 is guessing the mean" if found else "not measured"
    return Tile("Translation error", number(value), note, value, key, main=True)


def _seconds(intake: IntakeSection) -> float | None:
    return None if intake.hours is None else 3600 * intake.hours
