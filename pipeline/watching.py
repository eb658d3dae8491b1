"""A verb with its logs set up, its figures named and someone looking whether it gets on."""

from collections.abc import Callable
from typing import Any

from configs.grid import CompareJob
from configs.runs import AsrJob, EmbedJob, EvaluateJob, ShardsJob, TrainJob
from pipeline.console import set_up_logging
from trainers.telemetry.watch import Watch

Operated = AsrJob | CompareJob | EmbedJob | EvaluateJob | ShardsJob | TrainJob
"""Jobs that say how they are operated."""

GETS_ON = ("asr", "shards", "train")
"""Verbs that note their progress."""


def watched(stage: str, job: Any, run: Callable[[], int]) -> int:
    """Run a verb and return its exit code; what it raises is told and raised on.

    Args:
        stage: What runs.
        job: Its settings; those of a verb without `operating` are not looked at.
        run: The verb itself.
    """
    if not isinstance(job, Operated) or stage == "overfit":
        set_up_logging()
        return run()
    set_up_logging(job.operating)
    with Watch(job.operating, stage, name_of(job), gets_on=stage in GETS_ON) as watch:
        return watch.ended(run())


def name_of(job: Operated) -> str:
    """Return what logs and figures call a job: its run, or the folder that it writes."""
    match job:
        case ShardsJob():
            folder = job.shards.out
        case AsrJob():
            folder = job.sources.transcripts
        case CompareJob():
            folder = job.grid.out
        case _:
            return job.run.name
    return folder.rstrip("/").rpartition("/")[2]
