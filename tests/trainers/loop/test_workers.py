"""Several workers as plain gloo processes give the curve of one."""

import json
import pickle
import shutil
import subprocess
import sys

import pytest

from trainers.loop import folder
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import begin_attempt, prepare

PROCESS = """
import os, pickle, sys
import torch
import torch.distributed as dist
from trainers.loop.worker import train_worker

assignment, workers = sys.argv[1], int(sys.argv[2])
# One import for all of them; nothing of torch has run yet, so a fork is safe.
worker = next((child for child in range(1, workers) if os.fork() == 0), 0)
dist.init_process_group(
    "gloo", init_method=f"file://{assignment}.rendezvous", rank=worker, world_size=workers
)
with open(assignment, "rb") as file:
    train_worker(pickle.load(file), worker, workers, torch.device("cpu"))
dist.destroy_process_group()
if worker:
    os._exit(0)
assert all(os.wait()[1] == 0 for _ in range(workers - 1))
"""


def train(job, workers, tmp_path):
    preparation = prepare(job)
    file = tmp_path / f"assignment-{workers}"
    file.write_bytes(pickle.dumps(begin_attempt(preparation, workers)))
    command = [sys.executable, "-c", PROCESS, str(file), str(workers)]
    subprocess.run(command, check=True, timeout=200)
    return read_metrics(preparation.run_dir / folder.METRICS)


def compare(one, other):
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for before, after in zip(one, other, strict=True):
        for key in before.keys() & {"train/loss", "train/cyclic", "val/loss"}:
            assert after[key] == pytest.approx(before[key], rel=1e-5), (key, before["step"])
        for key in before.keys() & {"val/cyclic_relative_error", "train/grad_norm"}:
            assert after[key] == pytest.approx(before[key], rel=1e-3), (key, before["step"])


def test_one_two_and_three_workers_give_the_same_curve(make_job, tmp_path):
    curves = [
        train(make_job(root=tmp_path / str(workers), workers=workers), workers, tmp_path)
        for workers in (1, 2, 3)
    ]
    assert json.dumps(curves[0]).count("val/loss") == 2
    for curve in curves[1:]:
        compare(curves[0], curve)


def test_a_run_goes_on_with_another_number_of_workers(make_job, tmp_path):
    whole = train(make_job(root=tmp_path / "whole"), 1, tmp_path)
    part = make_job(root=tmp_path / "part", workers=2)
    run_dir = folder.run_folder(part.run)
    train(part, 2, tmp_path)
    # Forget the later checkpoints, as if the group had died after step 2.
    for step in (4, 6):
        shutil.rmtree(run_dir / folder.CHECKPOINTS / f"step-{step:08d}")
    changed = part.model_copy(update={"training": part.training.model_copy(update={"workers": 1})})
    compare(whole, train(changed, 1, tmp_path))
