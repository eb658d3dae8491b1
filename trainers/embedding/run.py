"""One embedding of shards: planned, made part by part, measured, sealed; goes on after a stop."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tqdm_loggable.auto import tqdm

from shards import storage
from shards.features.folder import OtherPlan, claim, clear, committed, seal
from trainers.embedding.part import part_of
from trainers.embedding.plan import Plan
from trainers.embedding.recall import held_out_recall
from trainers.embedding.workers import parts_by_actors, parts_here

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call did."""

    made: int
    """Parts that were made now."""

    total: int
    """Parts that there are in all."""

    manifest: dict[str, Any] | None
    """The manifest of the whole; None where it was asked to stop before."""


def embed_shards(plan: Plan, stop: Callable[[], bool] = lambda: False) -> Outcome:
    """Make what is not made yet; with more than no workers, Ray must have been started.

    Args:
        plan: What is embedded by what.
        stop: Whether no further shard shall be begun.

    Raises:
        ValueError: If the folder holds another embedding and is not the run's own, or a shard is
            damaged.
    """
    _claim(plan)
    names = [part_of(shard["name"]) for shard in plan.manifest.shards]
    there = committed(plan.out)
    todo = [number for number, name in enumerate(names) if name not in there]
    made = 0
    if todo:
        by = parts_by_actors if plan.config.workers else parts_here
        made = _count(by(plan, todo, stop), plan, todo)
    if made < len(todo):
        return Outcome(made, len(names), None)
    storage.sweep_temporary(plan.out)
    split = plan.config.recall_split
    whole = seal(
        plan.out, plan.provenance, names, lambda found: {"recall": held_out_recall(found, split)}
    )
    return Outcome(made, len(names), whole.manifest)


def _claim(plan: Plan) -> None:
    try:
        claim(plan.out, plan.provenance)
    except OtherPlan as other:
        if not plan.is_own:
            raise
        logger.warning("the run's own embedding is made again, since its plan changed: %s", other)
        clear(plan.out)
        claim(plan.out, plan.provenance)


def _count(records: Iterable[dict[str, Any]], plan: Plan, todo: list[int]) -> int:
    total = sum(plan.manifest.shards[number]["num_samples"] for number in todo)
    made = 0
    with tqdm(total=total, desc="embed", unit="clip") as bar:
        for record in records:
            bar.update(record["rows"] + len(record["lost"]))
            made += 1
    return made
