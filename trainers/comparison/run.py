"""The grid: every cell that is not done yet is measured, here or in Ray tasks.

A Ray task gets the data from the object store, where it lies once, and returns what it found; the
driver writes the file. A worker that is killed costs its cell's work: Ray runs the cell again,
and since a cell is a function of data, settings and seed, its figures are the same.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm_loggable.auto import tqdm

from configs.grid import GridConfig
from trainers.comparison.cell import measure_cell
from trainers.comparison.cells import Cell, origin_of, read_cell, write_cell
from trainers.comparison.dropout import with_dropped
from trainers.fusion.build import fit_method, methods_of, why_not
from trainers.tasks.task import Task

RETRIES = 5
"""Of a cell whose worker died."""

DROPOUT = "+dropout"
"""Ends the name of a method that is trained with modality dropout."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells of a grid."""

    cells: dict[Cell, dict[str, Any]]
    """What was measured."""

    failed: dict[Cell, str]
    """Cells that raised, with what; they are tried again next time."""

    unfit: dict[tuple[str, str], str]
    """Tasks and methods that do not go together, and why."""


def run_grid(config: GridConfig, tasks: Mapping[str, Task]) -> Grid:
    """Measure what is not done, and return all. With workers Ray must have been started."""
    planned, unfit = plan(config, tasks)
    origin = {name: origin_of(task, config) for name, task in tasks.items()}
    cells: dict[Cell, dict[str, Any]] = {}
    for cell in planned:
        held = read_cell(config.out, cell, origin[cell.task])
        if held is not None:
            cells[cell] = held
    todo = [cell for cell in planned if cell not in cells]
    logger.info("%d of %d cells are done", len(cells), len(planned))
    failed: dict[Cell, str] = {}
    measured = _on_ray(config, tasks, todo) if config.workers else _here(config, tasks, todo)
    with tqdm(total=len(todo), desc="cells", unit="cell") as progress:
        for cell, found, error in measured:
            progress.update()
            if found is None:
                logger.warning("%s failed: %s", cell.name, error)
                failed[cell] = error
            else:
                cells[cell] = write_cell(config.out, cell, origin[cell.task], found)
    return Grid(dict(sorted(cells.items())), failed, unfit)


def plan(
    config: GridConfig, tasks: Mapping[str, Task]
) -> tuple[list[Cell], dict[tuple[str, str], str]]:
    """Return the cells, seed by seed, and which methods do not go with which task."""
    unfit: dict[tuple[str, str], str] = {}
    fit: list[tuple[str, str]] = []
    for name, task in tasks.items():
        wanted = methods_of(config.methods, task)
        wanted += [f"{method}{DROPOUT}" for method in methods_of(config.dropout, task)]
        for method in wanted:
            reason = why_not(method.removesuffix(DROPOUT), task)
            if reason:
                unfit[name, method] = reason
            else:
                fit.append((name, method))
    return [Cell(*pair, seed) for seed in range(config.seeds) for pair in fit], unfit


def measure_one(config: GridConfig, task: Task, cell: Cell) -> dict[str, Any]:
    """Measure one cell."""
    method = cell.method.removesuffix(DROPOUT)
    # The dropout's draw belongs to the data: methods and seeds see the same examples.
    learned = with_dropped(task, seed=0) if cell.method.endswith(DROPOUT) else task

    def fit(_: Task) -> Any:
        return fit_method(method, learned, config.settings, cell.seed)

    return measure_cell(task, fit, config.losses, cell.seed)


_Measured = Iterator[tuple[Cell, dict[str, Any] | None, str]]


def _here(config: GridConfig, tasks: Mapping[str, Task], todo: Sequence[Cell]) -> _Measured:
    for cell in todo:
        yield (cell, *_guarded(config, tasks[cell.task], cell))


def _guarded(config: GridConfig, task: Task, cell: Cell) -> tuple[dict[str, Any] | None, str]:
    """Measure a cell; of one that raises, return the last line of what it says."""
    try:
        return measure_one(config, task, cell), ""
    except Exception as error:
        logger.debug("%s", traceback.format_exc())
        return None, f"{type(error).__name__}: {error}"


def _on_ray(config: GridConfig, tasks: Mapping[str, Task], todo: Sequence[Cell]) -> _Measured:
    import ray

    stored = {name: ray.put(task) for name, task in tasks.items()}
    work: Callable[..., Any] = _guarded
    task = ray.remote(work).options(num_cpus=1, max_retries=RETRIES)
    waiting, ahead = list(reversed(todo)), {}
    while waiting or ahead:
        # No more than there are workers for: a cell in line holds nothing.
        while waiting and len(ahead) < config.workers:
            cell = waiting.pop()
            ahead[task.remote(config, stored[cell.task], cell)] = cell
        (ready, *_), _ = ray.wait(list(ahead))
        cell = ahead.pop(ready)
        try:
            found, error = ray.get(ready)
            yield cell, found, error
        except ray.exceptions.RayError as error:
            yield cell, None, f"{type(error).__name__}: {error}"
