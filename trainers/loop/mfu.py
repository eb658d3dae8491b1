"""Model FLOP utilisation: the share of what the devices can do that goes into the model.

Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", 2022, appendix B.
"""

import json
import time

import torch

from configs.runs import TrainJob
from shards.paths import AnyPath
from shards.storage import write_atomic
from trainers.loop.estimate import estimate

_PEAK_TFLOPS = {
    # Dense bf16 with tensor cores, from the makers' data sheets; V100, T4: fp16.
    "H200": 989.0,
    "H100": 989.0,
    "A100": 312.0,
    "A10": 125.0,
    "L40S": 362.0,
    "L4": 121.0,
    "V100": 125.0,
    "T4": 65.0,
}


WORK = "work.json"
"""In the run folder: what a clip costs. The driver works it out before the workers start."""


def write_work(run_dir: AnyPath, job: TrainJob) -> None:
    """Work out what a clip costs and write it down, once for a run.

    Apart from the workers, since torch needs seconds to get ready for shapes without numbers.
    """
    if (run_dir / WORK).exists():
        return
    found = estimate(job)
    work = {"parameters": found.parameters, "flops_per_clip": found.flops_per_clip}
    write_atomic(str(run_dir / WORK), json.dumps(work).encode())


class Utilisation:
    """Turns the time of a step into a share."""

    def __init__(self, job: TrainJob, run_dir: AnyPath, workers: int, device: torch.device) -> None:
        """Find out what the workers' devices can do.

        Args:
            job: Settings of the run.
            run_dir: Where the driver writes down what a clip costs.
            workers: How many there are, each with a device like this one.
            device: Of this worker.
        """
        self._path, self._global_batch = run_dir / WORK, job.training.global_batch
        self._peak = (job.training.peak_tflops or peak_tflops(device)) * 1e12 * workers
        self._flops = 0.0

    def figures(self, step_s: float) -> dict[str, float]:
        """Return `train/mfu` of a step of so many seconds.

        Nothing for an unknown device, and where the driver has not written what a clip costs.
        """
        if not self._flops and self._path.exists():
            work = json.loads(self._path.read_bytes())
            self._flops = flops_per_step(self._global_batch, work["flops_per_clip"])
        if not self._flops or not self._peak:
            return {}
        return {"train/mfu": self._flops / self._peak / max(step_s, 1e-9)}


def flops_per_step(global_batch: int, flops_per_clip: float) -> float:
    """Return the operations of a step over all workers: forward, and twice that backward.

    Passes that are done again to save memory do not count: they are no progress.
    """
    return 3.0 * global_batch * flops_per_clip


def peak_tflops(device: torch.device) -> float:
    """Return what a device can do in 1e12 operations a second, 0 for an unknown GPU.

    A CPU is measured, by products of matrices that fit its caches, with as many threads as torch
    has now. A busy machine gives less, and so a share that is too high.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        return next((peak for key, peak in _PEAK_TFLOPS.items() if key in name), 0.0)
    side, seconds = 512, []
    a, b = torch.ones(side, side), torch.ones(side, side)
    for _ in range(5):
        began_s = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - began_s)
    return 2 * side**3 / min(seconds) / 1e12
