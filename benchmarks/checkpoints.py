"""What checkpoints cost: the time that training waits for them, as a share of its wall time.

    python -m benchmarks.checkpoints SHARDS OUT [STEPS]

trains the demo preset with one worker in this process. The baseline is the same run without its
checkpoints: `stall_share` is what the worker spends on handing them over, over the wall time of its
steps, at the preset's interval and at the default one. `slower_share` is what steps take longer
while a checkpoint is written beside them. `full_size` compares, for the state of the published
model under Adam (375 MB), what training waits for with what it would wait for a write in place.
"""

import json
import logging
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from configs.runs import TrainJob
from configs.training import TrainingConfig
from pipeline.settings.load import resolve
from trainers.loop.checkpoint import save_checkpoint
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.staging import Staging
from trainers.loop.step import TrainStep
from trainers.loop.worker import Worker, train_worker

FULL_SIZE = 31_211_336
"""Parameters of the published model."""

HANDED_OVER_S: list[float] = []
STEPS_S: dict[bool, list[float]] = {False: [], True: []}
"""Seconds of each step, by whether a checkpoint was being written."""


def timed(function: Callable[..., Any], note: Callable[[float], None]) -> Callable[..., Any]:
    """Return a function that notes the seconds of each call."""

    def call(*args: Any, **more: Any) -> Any:
        began_s = time.perf_counter()
        try:
            return function(*args, **more)
        finally:
            note(time.perf_counter() - began_s)

    return call


def note_step(seconds: float) -> None:
    """Note a step, by whether the writer is at work at its end."""
    STEPS_S[any(thread.name == "checkpoint" for thread in threading.enumerate())].append(seconds)


def in_training(shards: str, out: Path, steps: int) -> dict[str, float]:
    """Return what checkpoints cost in a run of the demo preset."""
    words = ["--preset", "demo", "--data.shards", shards, "--run.root", str(out)]
    words += ["--run.name", "checkpoints", "--training.workers", "1"]
    job = resolve("train", [*words, "--training.steps", str(steps)], "benchmark").job
    assert isinstance(job, TrainJob)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    assignment = begin_attempt(prepare(job), 1)
    Worker._commit = timed(Worker._commit, HANDED_OVER_S.append)
    TrainStep.run = timed(TrainStep.run, note_step)
    began_s = time.perf_counter()
    train_worker(assignment, 0, 1, torch.device("cpu"))
    wall_s = time.perf_counter() - began_s
    # The last one is waited for: nothing is left that could go on.
    stall_s = statistics.mean(HANDED_OVER_S[:-1])
    alone_s = statistics.median(STEPS_S[False])
    slower_s = sum(seconds - alone_s for seconds in STEPS_S[True])
    default = TrainingConfig().checkpoint_every
    return {
        "steps": steps,
        "every": job.training.checkpoint_every,
        "step_s": alone_s,
        "stall_s": stall_s,
        "waited_for_s": HANDED_OVER_S[-1],
        "stall_share": sum(HANDED_OVER_S) / wall_s,
        "stall_share_at_default": stall_s / (wall_s / steps * default),
        "steps_beside_a_write": len(STEPS_S[True]),
        "slower_share": slower_s / wall_s,
    }


def full_size(repeats: int = 3) -> dict[str, float]:
    """Return what training waits for where the state is that of the published model."""
    # As in a worker; more threads wait for one another where the machine is busy.
    torch.set_num_threads(TrainingConfig().torch_threads)
    count = FULL_SIZE // 537
    weights = {f"layer-{number}": torch.randn(count) for number in range(537)}
    moments = {number: {"exp_avg": w, "exp_avg_sq": w} for number, w in enumerate(weights.values())}
    state = {"model": weights, "optimizer": {"state": moments}, "step": 1}
    state |= {"manifest_sha256": "", "tokenizer_sha256": ""}
    staging, copies_s, writes_s = Staging(), [], []
    for _ in range(repeats):
        timed(staging.copy, copies_s.append)(state)
        with tempfile.TemporaryDirectory() as root:
            timed(save_checkpoint, writes_s.append)(Path(root), state, {}, 1, lambda: None)
    return {
        "first_copy_s": copies_s[0],
        "copy_s": min(copies_s),
        "write_in_place_s": min(writes_s),
        "share": min(copies_s) / min(writes_s),
    }


def main() -> None:
    """Train, write, and print JSON."""
    logging.disable(logging.WARNING)
    shards, out, steps = sys.argv[1], Path(sys.argv[2]), int((*sys.argv, "60")[3])
    found = {"training": in_training(shards, out, steps), "full_size": full_size()}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
