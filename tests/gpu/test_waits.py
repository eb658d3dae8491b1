"""Times and memory of a worker on a GPU, where calls return before their work is done."""

import time

import torch

from trainers.loop.memory import memory_bytes
from trainers.waits import take_waited_s, waiting


def test_waiting_is_the_time_that_the_stream_waits_and_not_that_of_the_call(device):
    take_waited_s()
    torch.cuda.synchronize()
    with waiting(device):
        torch.cuda._sleep(200_000_000)  # cycles: a tenth of a second at 2 GHz
    began_s = time.perf_counter()
    waited_s = take_waited_s()
    assert waited_s > 0.02
    # It was asked for while the stream still ran, so asking had to wait for it.
    assert time.perf_counter() - began_s > 0.5 * waited_s
    assert take_waited_s() == 0


def test_work_outside_a_collective_is_not_waiting(device):
    take_waited_s()
    torch.cuda._sleep(200_000_000)
    with waiting(device):
        pass
    assert take_waited_s() < 0.02


def test_the_peak_of_tensors_is_counted(device):
    torch.cuda.reset_peak_memory_stats(device)
    held = torch.empty(2**26, dtype=torch.uint8, device=device)
    assert memory_bytes(device)["cuda_peak"] >= len(held)
