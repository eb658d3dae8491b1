"""What seeing a run costs: the time of logging as a share of the steps that are logged.

    python -m benchmarks.logging_cost SHARDS OUT [WORKERS [STEPS]]

trains the demo preset in plain processes, with everything on that is installed: metrics.jsonl,
TensorBoard, the exchange of times and memory, W&B offline. The baseline is the same steps of the
same run without their logging: `share` is what the first worker spends between its steps on
writing, exchanging and flushing, over the time of its steps. `trackers_share` is the processor time
of the trackers' own threads, over the same.
"""

import importlib.util
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from configs.runs import TrainJob
from pipeline.settings.load import resolve
from trainers.loop import folder
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.record import Recorder
from trainers.loop.worker import Worker, train_worker
from trainers.tracking.follow import Follower

SPENT = {"log": 0.0, "sync": 0.0, "trackers": 0.0}


def timed(
    name: str, function: Callable[..., Any], clock: Callable[[], float]
) -> Callable[..., Any]:
    """Return a function that adds the time of each call to `SPENT`."""

    def call(*args: Any, **more: Any) -> Any:
        began_s = clock()
        try:
            return function(*args, **more)
        finally:
            SPENT[name] += clock() - began_s

    return call


def job_for(shards: str, out: Path, workers: int, steps: int) -> TrainJob:
    """Return the demo preset with every tracker that is installed and needs no network."""
    words = ["--preset", "demo", "--data.shards", shards, "--run.root", str(out)]
    words += ["--run.name", "logging", "--training.workers", str(workers)]
    words += ["--training.steps", str(steps)]
    if importlib.util.find_spec("wandb") is not None:
        words += ["--tracking.wandb", "offline"]
    job = resolve("train", words, "benchmark").job
    assert isinstance(job, TrainJob)
    return job


def main() -> None:
    """Train, and print JSON."""
    logging.disable(logging.WARNING)
    shards, out = sys.argv[1], Path(sys.argv[2])
    workers, steps = (int(word) for word in (sys.argv[3:] + ["1", "40"][len(sys.argv) - 3 :]))
    job = job_for(shards, out, workers, steps)
    shutil.rmtree(out / "logging", ignore_errors=True)
    preparation = prepare(job)
    assignment = begin_attempt(preparation, workers)
    worker = next((child for child in range(1, workers) if os.fork() == 0), 0)
    if workers > 1:
        meeting = f"file://{(out / 'logging' / 'rendezvous').absolute()}"
        dist.init_process_group("gloo", init_method=meeting, rank=worker, world_size=workers)
    Worker._log = timed("log", Worker._log, time.perf_counter)
    Recorder.sync = timed("sync", Recorder.sync, time.perf_counter)
    Follower._follow = timed("trackers", Follower._follow, time.thread_time)
    train_worker(assignment, worker, workers, torch.device("cpu"))
    if worker:
        os._exit(0)
    lines = read_metrics(preparation.run_dir / folder.METRICS)
    step_s = sum(line["train/step_s"] for line in lines if "train/step_s" in line)
    logging_s = SPENT["log"] + SPENT["sync"]
    found = {
        "workers": workers,
        "steps": steps,
        "step_s": step_s / steps,
        "logging_s": logging_s / steps,
        "share": logging_s / step_s,
        "wandb": job.tracking.wandb,
        "trackers_share": SPENT["trackers"] / step_s,
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
