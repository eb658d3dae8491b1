"""Several workers as plain gloo processes give the curve of one."""

import json
import pickle
import shutil
import subprocess
import sys

import pytest
import torch

from trainers.loop import folder
from trainers.loop.attempts import read_attempts
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.metrics import is_timing, read_metrics
from trainers.loop.prepare import begin_attempt, prepare

PROCESS = """
import json, sys
import torch
import torch.distributed as dist
from benchmarks.processes import train_forked
from trainers.loop.step import TrainStep

assignment, workers = sys.argv[1], int(sys.argv[2])
poisoned_step, poison = int(sys.argv[3]), sys.argv[4]
run = TrainStep.run

def noted(self, step, batches, *, stop=False):
    worker = dist.get_rank() if dist.is_initialized() else 0
    if worker == workers - 1 and step + 1 == poisoned_step:
        # Only the last worker's clips are bad, or its weights.
        weight = self.model.text.fc2.bias if poison == "loss" else self.model.text.fc1.bias
        before = weight.detach().clone()
        with torch.no_grad():
            weight[0] += float("nan") if poison == "loss" else 1e-6
    result = run(self, step, batches, stop=stop)
    if worker == workers - 1 and step + 1 == poisoned_step and poison == "loss":
        with torch.no_grad():
            weight.copy_(before)
    with open(f"{assignment}.rows-{worker}", "a") as file:
        for rank, batch in zip(self.ranks, batches):
            sums = [batch.frames_BTHWC.long().sum().item(), batch.tokens_BKL.sum().item()]
            sums += [batch.mel_BFM.sum().item()] if batch.mel_BFM is not None else []
            line = {"step": step + 1, "rank": rank, "rows": batch.rows_B.tolist(), "sums": sums}
            file.write(json.dumps(line) + "\\n")
    return result

TrainStep.run = noted
train_forked(assignment, workers)
"""


def train(job, workers, tmp_path, *, poisoned_step=0, poison="loss", check=True):
    preparation = prepare(job)
    file = tmp_path / f"assignment-{workers}"
    file.write_bytes(pickle.dumps(begin_attempt(preparation, workers)))
    command = [sys.executable, "-c", PROCESS, str(file), str(workers)]
    command += [str(poisoned_step), poison]
    done = subprocess.run(command, check=False, timeout=300, capture_output=True, text=True)
    assert (done.returncode == 0) == check, done.stderr[-3000:]
    return read_metrics(preparation.run_dir / folder.METRICS) if check else done.stderr


def batches_of(workers, tmp_path):
    """Return what each virtual rank of each step was trained on, whoever had it."""
    paths = tmp_path.glob(f"assignment-{workers}.rows-*")
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    found = {(line["step"], line["rank"]): (line["rows"], line["sums"]) for line in lines}
    assert len(found) == len(lines)
    return found


def compare(one, other):
    """To the last bit, but for sums over workers that are only logged."""
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for before, after in zip(one, other, strict=True):
        assert {key for key in before if not is_timing(key)} <= after.keys()
        for key in before:
            figure = key.split("/")[-1]
            if figure.startswith(("loss", "cyclic", "grad")):
                near = 1e-11 if figure.startswith(("cyclic_rel", "gradient_cos")) else 1e-14
                assert after[key] == pytest.approx(before[key], rel=near), (key, before["step"])


def last_weights(job):
    """Return what the newest checkpoint of a run holds."""
    return newest_checkpoint(folder.run_folder(job.run) / folder.CHECKPOINTS).load()["model"]


@pytest.mark.parametrize(("gradient_cache", "steps"), [(False, 20), (True, 4)])
def test_one_to_four_workers_give_the_same_batches_and_the_same_curve(
    make_job, tmp_path, gradient_cache, steps
):
    options = {
        "everything": True,
        "steps": steps,
        "global_batch": 8,
        "virtual_ranks": 4,
        "gradient_cache": gradient_cache,
        "lr": 1e-3,
        "figures_every": 2,
        "compare_weights_every": 4,
        "checkpoint_every": 50,
        "validate_every": 10,
    }
    curves, batches, weights = [], [], []
    for workers in (1, 2, 3, 4) if steps == 20 else (1, 3):
        job = make_job(root=tmp_path / str(workers), workers=workers, **options)
        curves.append(train(job, workers, tmp_path))
        batches.append(batches_of(workers, tmp_path))
        weights.append(last_weights(job))
    assert len(batches[0]) == steps * 4
    assert "train/recall_at_5" in json.dumps(curves[0])
    assert "train/gradient_cosine" in json.dumps(curves[0])
    for curve, own in zip(curves[1:], batches[1:], strict=True):
        compare(curves[0], curve)
        assert own == batches[0]
    for other in weights[1:]:
        assert all(torch.equal(one, other[name]) for name, one in weights[0].items())


def test_all_workers_skip_the_step_in_which_one_of_them_has_no_number(make_job, tmp_path):
    job = make_job(workers=2, steps=5, compare_weights_every=1)
    lines = train(job, 2, tmp_path, poisoned_step=3)
    skipped = [line["step"] for line in lines if "train/skipped" in line]
    done = [line["step"] for line in lines if "train/loss" in line]
    assert (skipped, done) == ([3], [1, 2, 4, 5])
    (event,) = [e for e in read_attempts(folder.run_folder(job.run)) if e["event"] == "skipped"]
    seen = batches_of(2, tmp_path)
    assert event["step"] == 3
    # Two of three virtual ranks are the second worker's: theirs are the bad embeddings.
    assert event["rows"] == seen[3, 1][0] + seen[3, 2][0]


def test_workers_whose_weights_differ_end(make_job, tmp_path):
    job = make_job(workers=2, compare_weights_every=2, validate_every=50)
    said = train(job, 2, tmp_path, poisoned_step=2, poison="weights", check=False)
    assert "WeightsDiffer: after step 2" in said
    assert "workers [1]" in said


def test_a_run_goes_on_with_other_numbers_of_workers(make_job, tmp_path):
    whole = train(make_job(root=tmp_path / "whole", everything=True), 1, tmp_path)
    # As if each group but the last had died: after step 2, and after step 4.
    for workers, lost in ((2, (4, 6)), (1, (6,)), (3, ())):
        job = make_job(root=tmp_path / "part", workers=workers, everything=True)
        curve = train(job, workers, tmp_path)
        for step in lost:
            shutil.rmtree(folder.run_folder(job.run) / folder.CHECKPOINTS / f"step-{step:08d}")
    compare(whole, curve)
    weights = last_weights(job)
    whole_weights = last_weights(make_job(root=tmp_path / "whole"))
    assert all(torch.equal(weights[name], one) for name, one in whole_weights.items())
