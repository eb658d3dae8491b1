"""What a build was estimated to cost, and what it did cost: .costs.jsonl in OUT.

A line an estimate, and a line a run that built something. It holds times, so it is no part of the
shards: two builds of the same sources differ in this file alone.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import pyarrow.compute as pc

from pipeline.tasks.estimate import Estimate
from shards import storage
from shards.manifest import Manifest

logger = logging.getLogger(__name__)

COSTS = ".costs.jsonl"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the shards of an estimate turned out to be.

    Attributes:
        sources: Videos that are listed.
        source_bytes: Bytes of those that were read.
        hours: Hours of video.
        clips: Clips planned.
        core_hours: Wall-clock hours times the CPUs that were held, over all runs since the
            estimate, scaled up where they did not build all of it; None where no run is on
            record.
        shards: Tars.
        output_bytes: Bytes of the tars.
    """

    sources: int
    source_bytes: int
    hours: float
    clips: int
    core_hours: float | None
    shards: int
    output_bytes: int


def note_estimate(out: str, plan: str, make: Callable[[], Estimate]) -> None:
    """Keep the estimate of a plan; made once, however often its build is begun again.

    Args:
        out: Output folder.
        plan: Identity of the plan.
        make: Makes the estimate.
    """
    if any(row.get("plan") == plan for row in _rows(out)):
        return
    _append(out, {"plan": plan, "estimate": asdict(make())})


@contextmanager
def noted_build(out: str, num_sources: int, count_cpus: Callable[[], int]) -> Iterator[None]:
    """Keep what happens within as the cost of building so many sources, however it ends."""
    begin = monotonic()
    cpus = 1
    try:
        cpus = count_cpus()
        yield
    finally:
        hours = (monotonic() - begin) / 3600
        try:
            _append(out, {"sources": num_sources, "hours": round(hours, 6), "cpus": cpus})
        except OSError as error:  # a full disk: what ended the build says so
            logger.debug("%s", error)


def estimate_and_outcome(out: str) -> tuple[Estimate | None, Outcome | None]:
    """Return the newest estimate of an output folder, and what became of it.

    Either is None where it is not known: folders of older versions have no estimate, and those
    whose build is not complete no outcome.
    """
    rows = _rows(out)
    newest = max((place for place, row in enumerate(rows) if "estimate" in row), default=None)
    estimate = None if newest is None else Estimate(**rows[newest]["estimate"])
    try:
        manifest = Manifest.load(out)
    except ValueError:
        return estimate, None
    videos, totals = manifest.videos(), manifest.totals
    return estimate, Outcome(
        sources=totals["sources"],
        source_bytes=pc.sum(videos["bytes"]).as_py() or 0,
        hours=round((pc.sum(videos["duration_s"]).as_py() or 0.0) / 3600, 6),
        clips=totals["planned"],
        core_hours=_core_hours(rows[(newest or 0) :], totals["sources"]),
        shards=totals["shards"],
        output_bytes=totals["bytes"],
    )


def _core_hours(rows: list[dict[str, Any]], num_sources: int) -> float | None:
    runs = [row for row in rows if "cpus" in row]
    # A run that went on with what another one left says how much was left: the most is all of it.
    built = max((row["sources"] for row in runs), default=0)
    if not built:
        return None
    held = sum(row["hours"] * row["cpus"] for row in runs)
    return round(held * max(1.0, num_sources / built), 6)


def _rows(out: str) -> list[dict[str, Any]]:
    path = storage.join(out, COSTS)
    data = storage.read_bytes(path) if storage.exists(path) else b""
    rows = []
    for line in data.splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:  # a line that was cut short tells nothing
            continue
    return rows


def _append(out: str, row: dict[str, Any]) -> None:
    lines = [json.dumps(one, sort_keys=True) for one in [*_rows(out), row]]
    storage.write_atomic(storage.join(out, COSTS), "\n".join(lines).encode() + b"\n")


def cpus_of(setting: int) -> int:
    """Return the CPUs that a build holds: those of Ray where it runs, else what is set or there."""
    import ray

    if ray.is_initialized():
        return max(1, int(ray.cluster_resources().get("CPU", 1)))
    return setting or os.cpu_count() or 1
