"""The workers of one attempt as plain gloo processes, without Ray.

    python -m benchmarks.processes FILE WORKERS

FILE holds an assignment, pickled.
"""

import os
import pickle
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from trainers.loop.worker import train_worker


def train_forked(file: str, workers: int) -> None:
    """Be the first of several workers, fork the others, and train until all of them end.

    Raises:
        RuntimeError: If one of the others fails.
    """
    # One import for all of them; nothing of torch has run yet, so a fork is safe.
    worker = next((child for child in range(1, workers) if os.fork() == 0), 0)
    meeting = f"file://{file}.rendezvous"
    dist.init_process_group("gloo", init_method=meeting, rank=worker, world_size=workers)
    assignment = pickle.loads(Path(file).read_bytes())  # noqa: S301  our own, of a moment ago
    train_worker(assignment, worker, workers, torch.device("cpu"))
    dist.destroy_process_group()
    if worker:
        os._exit(0)
    failed = [status for _ in range(workers - 1) if (status := os.wait()[1])]
    if failed:
        raise RuntimeError(f"{len(failed)} of {workers} workers failed")


if __name__ == "__main__":
    train_forked(sys.argv[1], int(sys.argv[2]))
