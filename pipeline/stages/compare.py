"""Verb `compare`: fusion methods on tasks, measured cell by cell, as a table and a page."""

from typing import Any

from rich.console import Console
from rich.table import Table

from configs.grid import CompareJob
from pipeline.console import say
from pipeline.reports.grid import write_grid_report
from shards.paths import any_path
from shards.storage import make_folder

SUMMARY = "summary.json"


def run(job: CompareJob) -> int:
    """Measure what is not done yet, print a table a task, write the summary and the page.

    Returns 1 where a cell failed: the same command tries it again, and no other.

    Raises:
        ValueError: If a task's files are not what they must be.
        FileNotFoundError: If they are not there.
    """
    summary = _measure(job)
    out = any_path(job.grid.out)
    console = Console()
    for task in summary["tasks"]:
        console.print(_table(task))
        for method, reason in task["unfit"].items():
            say(f"{method} is not measured: {reason}")
    for cell, error in summary["failed"].items():
        say(f"failed    {cell}: {error}")
    page = write_grid_report(out, summary)
    say(f"written to {out / SUMMARY}")
    say(f"report: {page}")
    return 1 if summary["failed"] else 0


def _measure(job: CompareJob) -> dict[str, Any]:
    from trainers.comparison.run import run_grid
    from trainers.comparison.summary import summarise
    from trainers.evaluation.record import write_json
    from trainers.tasks.build import load_tasks

    tasks = load_tasks(job.grid)
    if job.grid.workers:
        from trainers.loop.group import start_ray, stop_ray

        start_ray(job.ray, job.grid.workers)
        try:
            grid = run_grid(job.grid, tasks)
        finally:
            stop_ray()
    else:
        grid = run_grid(job.grid, tasks)
    summary = summarise(grid, tasks)
    make_folder(job.grid.out)
    write_json(any_path(job.grid.out) / SUMMARY, summary)
    return summary


def plan_text(job: CompareJob) -> str:
    """Say what `run` would measure. Reads the tasks, writes nothing."""
    from trainers.comparison.cells import origin_of, read_cell
    from trainers.comparison.run import plan
    from trainers.tasks.build import load_tasks

    tasks = load_tasks(job.grid)
    cells, unfit = plan(job.grid, tasks)
    origin = {name: origin_of(task, job.grid) for name, task in tasks.items()}
    done = sum(read_cell(job.grid.out, cell, origin[cell.task]) is not None for cell in cells)
    return "\n".join(
        [
            f"plan: compare {len({cell.method for cell in cells})} methods on {len(tasks)} tasks",
            f"  cells     {len(cells)}, of which {done} are done",
            f"  workers   {job.grid.workers or 'this process'}",
            f"  written   {job.grid.out}",
            *(f"  left out  {method} on {task}: {why}" for (task, method), why in unfit.items()),
        ]
    )


def _table(task: dict[str, Any]) -> Table:
    """Return a row a method, the best first. Figures are those of the test split."""
    of_classes = task["labels"] == "classes"
    blind = f"majority {100 * task['blind']:.1f} %" if of_classes else f"blind {task['blind']:.3f}"
    table = Table(
        title=f"{task['task']}: {task['examples']['test']} test examples; {blind}; "
        f"held against {task['baseline'] or 'nothing'}"
    )
    what = "accuracy" if of_classes else "-error"
    for heading in ("method", what, "spread", "difference", "95 % of it", "p", "train s", ""):
        table.add_column(heading, justify="left" if heading in ("method", "") else "right")
    for row in task["methods"]:
        table.add_row(*_cells(row, of_classes))
    return table


def _cells(row: dict[str, Any], of_classes: bool) -> list[str]:
    factor, digits = (100, 1) if of_classes else (1, 3)

    def shown(value: float | None, sign: str = "") -> str:
        return "" if value is None else f"{factor * value:{sign}.{digits}f}"

    against = row.get("against_baseline")
    label = "majority" if of_classes else "blind"
    return [
        row["method"],
        shown(row["gain"]["mean"]),
        shown(row["gain"]["std"]),
        shown(against["difference"], "+") if against else "",
        f"{shown(against['low'], '+')} .. {shown(against['high'], '+')}" if against else "",
        f"{against['mcnemar_p']:.3f}" if against and against["mcnemar_p"] is not None else "",
        f"{row['cost']['train_cpu_s']['mean']:.1f}",
        f"at or below {label}" if row["at_or_below_blind"] else "",
    ]
