"""Verb `evaluate`: what a trained run can do, measured and written into its folder."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from configs.runs import EvaluateJob
from shards.paths import AnyPath, any_path
from trainers.loop.folder import CHECKPOINTS
from trainers.loop.manifests import list_checkpoints

_CUTOFFS = ("r1", "r5", "r10")


def run(job: EvaluateJob) -> int:
    """Evaluate the run; print the key figures, chance beside them."""
    figures = _measure(job)
    out = _folder(job) / "evaluation"
    console = Console()
    if job.evaluation.own_shards:
        console.print(_retrieval_table(figures, job.evaluation.retrieval.split))
    fusion = json.loads((out / "fusion.json").read_text())
    if "skipped" in fusion:
        console.print(f"fusion skipped: {fusion['skipped']}", markup=False, soft_wrap=True)
    else:
        console.print(_fusion_table(fusion))
        console.print(
            f"best fusion {fusion['best_fusion']} beats best single modality "
            f"{fusion['best_unimodal']} by {100 * fusion['gain']:.1f} points",
            markup=False,
            soft_wrap=True,
        )
    for line in published_lines(out):
        console.print(line, markup=False, soft_wrap=True)
    _print_alignment(console, json.loads((out / "alignment.json").read_text()))
    console.print(f"written to {out}", markup=False, soft_wrap=True)
    return 0


def _measure(job: EvaluateJob) -> dict[str, float]:
    from trainers.evaluation.run import evaluate_run

    if job.evaluation.workers == 1:
        return evaluate_run(job)
    from trainers.loop.group import start_ray, stop_ray

    start_ray(job.ray, job.evaluation.workers)
    try:
        return evaluate_run(job)
    finally:
        stop_ray()


def published_lines(out: AnyPath) -> list[str]:
    """Return a line for each published protocol that was measured."""
    lines = []
    ranked, probed, steps = (
        json.loads((out / f"{name}.json").read_text()) for name in ("benchmark", "probe", "steps")
    )
    if "skipped" not in ranked:
        shares = ", ".join(f"R@{k[1:]} {100 * ranked['t2v'][k]:.1f} %" for k in _CUTOFFS)
        lines.append(
            f"{ranked['layout']}: text to video {shares}, median rank {ranked['t2v']['medr']:.1f}; "
            f"{ranked['rows'] - ranked['rows_missing']} of {ranked['rows']} rows"
        )
    if "skipped" not in probed:
        each = ", ".join(f"{100 * split['accuracy']:.1f} %" for split in probed["splits"])
        lines.append(
            f"linear probe: {100 * probed['accuracy']:.1f} % of {probed['classes']} classes "
            f"({each}); {probed['rows'] - probed['rows_missing']} of {probed['rows']} videos"
        )
    if "skipped" not in steps:
        lines.append(
            f"steps: average recall {100 * steps['recall_in_order']:.1f} % in the order of the "
            f"list, {100 * steps['recall_any_order']:.1f} % in any; {steps['tasks']} tasks, "
            f"{steps['videos']} of {steps['videos'] + steps['videos_missing']} videos"
        )
    return lines


def plan_text(job: EvaluateJob) -> str:
    """Say what `run` would read and write."""
    folder, config = _folder(job), job.evaluation
    num_checkpoints = len(list_checkpoints(folder / CHECKPOINTS))
    nothing = "; `weakvid train` writes one" if not num_checkpoints else ""
    return "\n".join(
        [
            f"plan: evaluate {folder} and write {folder / 'evaluation'}",
            f"  checkpoints  {num_checkpoints}{nothing}",
            f"  measured     {job.checkpoint or 'the newest'}",
            f"  retrieval    on the {config.retrieval.split} split, queries: "
            f"{_source(config.retrieval.queries, 'nearest windows')}",
            f"  fusion       labels: {_source(config.fusion.labels, 'none, skipped')}; "
            f"{config.fusion.seeds} seeds",
            f"  alignment    true cues: {_source(config.cues, 'none, skipped')}",
            f"  benchmark    listing: {_source(config.benchmark.listing, 'none, skipped')}",
            f"  probe        listing: {_source(config.probe.listing, 'none, skipped')}",
            f"  steps        tasks: {_source(config.steps.tasks, 'none, skipped')}",
            f"  workers      {config.workers}",
        ]
    )


def _folder(job: EvaluateJob) -> AnyPath:
    return any_path(job.run.root) / job.run.name


def _source(path: str, otherwise: str) -> str:
    if not path:
        return otherwise
    return path if Path(path).is_file() else f"{path} (not there)"


def _retrieval_table(figures: dict[str, float], split: str) -> Table:
    table = Table(
        title=f"Retrieval, {split} split: {figures['eval/num_queries']:.0f} queries, "
        f"{figures['eval/num_clips']:.0f} clips"
    )
    for heading in ("", "R@1", "R@5", "R@10", "median rank"):
        table.add_column(heading, justify="right" if heading else "left")
    rows = {"text to video": "t2v", "video to text": "v2t", "chance": "chance"}
    for name, key in rows.items():
        shares = [f"{100 * figures[f'eval/{key}_{cutoff}']:.1f} %" for cutoff in _CUTOFFS]
        table.add_row(name, *shares, f"{figures[f'eval/{key}_medr']:.1f}")
    return table


def _fusion_table(fusion: dict) -> Table:
    table = Table(
        title=f"Accuracy on {fusion['num_test']} test clips, {len(fusion['seeds'])} seeds; "
        f"majority {100 * fusion['majority']:.1f} %"
    )
    for heading in ("method", "mean", "spread", "known ceiling", ""):
        table.add_column(heading, justify="left" if heading in ("method", "") else "right")
    for row in fusion["rows"]:
        ceiling = "" if row["ceiling"] is None else f"{100 * row['ceiling']:.1f} %"
        note = "above what it can know" if row["exceeds_ceiling"] else ""
        if row["mean"] <= fusion["majority"]:
            note = note or "at or below majority"
        table.add_row(
            row["name"], f"{100 * row['mean']:.1f} %", f"{100 * row['std']:.1f}", ceiling, note
        )
    return table


def _print_alignment(console: Console, alignment: dict) -> None:
    if "skipped" in alignment:
        return
    within = alignment["right_within_k"]
    shares = ", ".join(f"{k}: {100 * share:.1f} %" for k, share in within.items())
    console.print(
        f"narration: the right window is the nearest for {100 * alignment['nearest_right']:.1f} % "
        f"of {alignment['clips']} clips (counted); within the nearest K: {shares}",
        markup=False,
        soft_wrap=True,
    )
