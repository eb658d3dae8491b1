"""What seeing a run costs: the time of logging as a share of the steps that are logged.

    python -m benchmarks.logging_cost SHARDS OUT [WORKERS [STEPS]]

trains the demo preset in plain processes, with everything on that is installed: metrics.jsonl,
TensorBoard, the exchange of times and memory, W&B offline. The baseline is the same steps of the
same run without their logging: `share` is what the first worker spends between its steps on
writing, exchanging and flushing, over the time of its steps. Waiting for the other workers is left
out: without an exchange it would wait for them in the next step. `cpu_share` is the same by
processor time, which other work on the machine does not distort. `trackers_cpu_share` is that of
the trackers' threads; `trackers_start_cpu_s`, what importing and starting them takes once, is not
in it.
"""

import importlib.util
import json
import logging
import os
import shutil
import sys
import time
from collections import defaultdict
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
from trainers.tracking.wandb_run import WandbRun
from trainers.waits import take_waited_s

SPENT = defaultdict[str, float](float)


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds the seconds of each call, and its processor's, to `SPENT`."""

    def call(*args: Any, **more: Any) -> Any:
        began_s, cpu_s = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **more)
        finally:
            SPENT[f"{name}_cpu"] += time.thread_time() - cpu_s
            SPENT[name] += time.perf_counter() - began_s
            if name == "log":
                SPENT[name] -= take_waited_s()

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
    Worker._log = timed("log", Worker._log)
    Recorder.sync = timed("sync", Recorder.sync)
    Follower._follow = timed("trackers", Follower._follow)
    WandbRun.__init__ = timed("start", WandbRun.__init__)
    cpu_s = time.process_time()
    train_worker(assignment, worker, workers, torch.device("cpu"))
    cpu_s = time.process_time() - cpu_s - SPENT["start_cpu"]
    if worker:
        os._exit(0)
    lines = read_metrics(preparation.run_dir / folder.METRICS)
    step_s = sum(line["train/step_s"] for line in lines if "train/step_s" in line)
    logging_s = SPENT["log"] + SPENT["sync"]
    found = {
        "workers": workers,
        "steps": steps,
        "step_s": step_s / steps,
        "log_s": SPENT["log"] / steps,
        "flush_to_disk_s": SPENT["sync"] / steps,
        "share": logging_s / step_s,
        "cpu_share": (SPENT["log_cpu"] + SPENT["sync_cpu"]) / cpu_s,
        "wandb": job.tracking.wandb,
        "trackers_cpu_share": (SPENT["trackers_cpu"] - SPENT["start_cpu"]) / cpu_s,
        "trackers_start_cpu_s": SPENT["start_cpu"],
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
