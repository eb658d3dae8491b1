import os
import subprocess
import sys

from configs.faults import FaultsConfig
from trainers.loop.limits import first_collective_limit_s, shorten_collectives

PROCESS = """
import os, sys, time
from datetime import timedelta
import torch
import torch.distributed as dist
from configs.faults import FaultsConfig
from trainers.loop.limits import shorten_collectives

worker = 1 if os.fork() == 0 else 0
dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=worker, world_size=2,
                        timeout=timedelta(seconds=100))
dist.all_reduce(torch.ones(1))
shorten_collectives(FaultsConfig(step_limit_s=0.5))
dist.all_reduce(torch.ones(1))
if worker:
    time.sleep(30)
    os._exit(0)
try:
    began = time.monotonic()
    dist.all_reduce(torch.ones(1))
except RuntimeError as error:
    print(f"after {time.monotonic() - began:.0f} s: {error}", flush=True)
os._exit(0)
"""


def test_a_collective_that_a_peer_never_enters_ends_after_twice_the_limit_of_a_phase(tmp_path):
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "rendezvous")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        line = process.stdout.readline()
        os.killpg(process.pid, 9)
    assert "after 1 s" in line and "imed out" in line


def test_the_first_limit_is_that_of_the_start_and_one_process_needs_none():
    assert first_collective_limit_s(FaultsConfig(start_limit_s=50)) == 100
    shorten_collectives(FaultsConfig())
