"""Verb `report`: everything that is known of a run, or of shards, becomes one HTML file."""

from dataclasses import asdict
from pathlib import Path

from configs.runs import ReportJob
from pipeline.console import say
from pipeline.reports.build import write_report
from pipeline.reports.costs import compare
from pipeline.reports.inputs import RunFiles, load_run_files
from pipeline.reports.shards import write_shards_report
from pipeline.tasks.costs import estimate_and_outcome
from shards import storage
from shards.paths import AnyPath, any_path

# Key in evaluations.jsonl -> what it is called on the terminal.
KEY_FIGURES = {
    "eval/t2v_r1": "text-to-video R@1",
    "eval/t2v_r10": "text-to-video R@10",
    "eval/chance_r10": "R@10 by chance",
    "eval/t2v_medr": "text-to-video median rank",
    "eval/num_queries": "held-out queries",
}


def run(job: ReportJob) -> int:
    """Write `runs/NAME/report.html`, print where it is and the key figures."""
    folder = run_folder(job)
    path = write_report(folder, shards_of(folder), Path(job.source) if job.source else None)
    print("\n".join(key_figures(load_run_files(folder))))
    print(f"report: {path}")
    return 0


def run_on_shards(folder: str, out: str = "", truth: str = "") -> int:
    """Write the report on a folder of shards unless it is there, and print where it is.

    Raises:
        ValueError: If the folder holds no whole set of shards.
    """
    estimate, outcome = estimate_and_outcome(folder)
    known = estimate is not None and outcome is not None
    costs = compare(asdict(estimate), asdict(outcome)) if known else []
    path, is_new = write_shards_report(folder, out, Path(truth) if truth else None, costs)
    say(f"report: {path}{'' if is_new else ' (of these shards already)'}")
    return 0


def plan_text(job: ReportJob) -> str:
    """Say what `run` would read and write."""
    folder = run_folder(job)
    shards = shards_of(folder)
    return "\n".join(
        [
            f"plan: write {folder / 'report.html'}",
            f"  run     {folder}{'' if folder.is_dir() else ' (not there)'}",
            f"  shards  {shards or 'none known'}",
            f"  truth   {job.source or 'none'}",
        ]
    )


def run_folder(job: ReportJob) -> AnyPath:
    """Return the folder of the run."""
    return any_path(job.run.root) / job.run.name


def shards_of(folder: AnyPath) -> str | None:
    """Return the shards that a run was trained on, as its own settings tell."""
    named = load_run_files(folder).setting("data.shards")
    if not isinstance(named, str) or not named:
        return None
    return named if storage.is_remote(named) or Path(named).is_dir() else None


def key_figures(files: RunFiles) -> list[str]:
    """Return the lines of figures one asks for first, as they stand in metrics.jsonl."""
    lines = [
        f"{label}: {files.evaluation[key]:.4g}"
        for key, label in KEY_FIGURES.items()
        if isinstance(files.evaluation.get(key), int | float)
    ]
    fusion = {
        key.removeprefix("eval/fusion_").removesuffix("_mean"): value
        for key, value in files.evaluation.items()
        if key.startswith("eval/fusion_")
        and key.endswith("_mean")
        and isinstance(value, int | float)
    }
    lines += [f"accuracy, {row}: {value:.4g}" for row, value in fusion.items()]
    errors = [
        row["val/cyclic_relative_error"]
        for row in files.validation
        if "val/cyclic_relative_error" in row
    ]
    if errors:
        lines.append(f"translation error / variance: {errors[-1]:.4g}")
    return lines or ["no figures yet: evaluate the run first"]
