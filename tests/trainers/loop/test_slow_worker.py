"""A worker whose clips come late, in a real run of two plain gloo processes."""

import pickle
import subprocess
import sys

from trainers.lines import read_lines
from trainers.loop import folder
from trainers.loop.attempts import read_attempts
from trainers.loop.prepare import begin_attempt, prepare

PROCESS = """
import os, pickle, sys, time
import torch
import torch.distributed as dist
from trainers.data.batch import Batch
from trainers.loop.worker import train_worker

assignment = sys.argv[1]
worker = 1 if os.fork() == 0 else 0
if worker:
    to = Batch.to
    Batch.to = lambda batch, device: time.sleep(0.5) or to(batch, device)
dist.init_process_group("gloo", init_method=f"file://{assignment}.here", rank=worker, world_size=2)
with open(assignment, "rb") as file:
    train_worker(pickle.load(file), worker, 2, torch.device("cpu"))
dist.destroy_process_group()
if worker:
    os._exit(0)
assert os.wait()[1] == 0
"""


def test_it_is_named_with_its_machine_and_phase_and_the_others_wait_for_it(make_job, tmp_path):
    job = make_job(steps=12, workers=2, global_batch=4, virtual_ranks=2, cyclic=0.0)
    quick = job.tracking.model_copy(update={"straggler_steps": 8, "exchange_every": 5})
    preparation = prepare(job.model_copy(update={"tracking": quick}))
    file = tmp_path / "assignment"
    file.write_bytes(pickle.dumps(begin_attempt(preparation, 2)))
    subprocess.run([sys.executable, "-c", PROCESS, str(file)], check=True, timeout=200)
    (slow,) = [
        event for event in read_attempts(preparation.run_dir) if event["event"] == "straggler"
    ]
    assert (slow["worker"], slow["phase"], slow["step"]) == (1, "data", 8)
    assert slow["ratio"] > 1.5 and slow["node"]
    quick, late = read_lines(preparation.run_dir / folder.WORKERS)[-1]["workers"]
    assert late["data_p50_s"] > 0.5
    assert quick["wait_p50_s"] > late["wait_p50_s"]
