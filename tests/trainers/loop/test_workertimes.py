import json
import subprocess
import sys

import torch

from configs.tracking import TrackingConfig
from trainers.loop.timing import StepClock
from trainers.loop.workertimes import WorkerTimes

PROCESS = """
import dataclasses, json, os, sys, time
import torch
import torch.distributed as dist
from configs.tracking import TrackingConfig
from trainers import waits
from trainers.loop.timing import StepClock
from trainers.loop.workertimes import WorkerTimes

file, workers, slow_phase = sys.argv[1], 3, sys.argv[2]
worker = next((child for child in range(1, workers) if os.fork() == 0), 0)
dist.init_process_group("gloo", init_method=f"file://{file}", rank=worker, world_size=workers)
cpu, sleep = torch.device("cpu"), time.sleep
times = WorkerTimes(TrackingConfig(), 3, worker, workers, cpu)
clock, told = StepClock(6), []
for done in range(1, 31):
    with clock.phase("data"):
        sleep(0.004 + 0.05 * (worker == 1 and slow_phase == "data"))
    with clock.phase("step"):
        sleep(0.004 + 0.05 * (worker == 1 and slow_phase == "step"))
        with waits.waiting(cpu):
            dist.all_reduce(torch.ones(1))
    values = clock.figures()
    found = times.exchange(done, clock)
    if found is not None:
        told.append([dataclasses.asdict(found), values])
dist.destroy_process_group()
if worker:
    assert not told
    os._exit(0)
assert all(os.wait()[1] == 0 for _ in range(workers - 1))
print(json.dumps(told))
"""


def run(tmp_path, slow_phase):
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "rendezvous"), slow_phase]
    done = subprocess.run(command, check=True, timeout=100, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def test_a_worker_that_sleeps_is_named_within_thirty_steps_and_those_that_wait_are_not(tmp_path):
    told = run(tmp_path, "step")
    (found,) = [one for exchange, _ in told for one in exchange["stragglers"]]
    assert (found["worker"], found["phase"], found["step"]) == (1, "step", 20)
    assert found["node"]
    exchange, values = told[-1]
    rows = exchange["workers"]
    assert [row["worker"] for row in rows] == [0, 1, 2]
    # All take as long as the slowest; what differs is how long they waited for it.
    assert rows[0]["step_p50_s"] > 0.028 and rows[0]["wait_p50_s"] > 0.01
    assert rows[1]["own_p50_s"] > rows[0]["own_p50_s"] + 0.015
    assert values["time/wait_s"] > 0.01
    assert exchange["figures"]["time/slowest_worker"] == 1
    assert exchange["figures"]["memory/rss_bytes"] > 2**20


def test_a_worker_whose_data_is_late_is_named_with_that_phase(tmp_path):
    told = run(tmp_path, "data")
    (found,) = [one for exchange, _ in told for one in exchange["stragglers"]]
    assert (found["worker"], found["phase"]) == (1, "data")


def test_percentiles_are_those_of_the_steps_and_come_every_few_of_them():
    clock = StepClock(4)
    times = WorkerTimes(TrackingConfig(exchange_every=4), 1, 0, 1, torch.device("cpu"))
    assert times.exchange(3, clock) is None
    for data_s in (0.1, 0.2, 0.3, 0.4):
        clock._seconds = {"data": data_s, "step": 1.0}
        clock.end_step()
    (row,) = times.exchange(4, clock).workers
    assert round(row["data_p50_s"], 6) == 0.25 and round(row["step_p50_s"], 6) == 1.25
    assert round(row["data_p95_s"], 6) == 0.385
    clock._seconds = {"data": 0.5, "step": 1.0}
    clock.end_step()
    exchange = times.exchange(5, clock, last=True)
    assert exchange.figures["time/step_p50_s"] == 1.3
    assert exchange.stragglers == []
