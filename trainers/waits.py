"""How long this worker waited for the others: the time that it spends inside collectives.

In a synchronous step every worker takes as long as the slowest one. Only what is left after the
waiting tells which of them that is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_spans: list[float | tuple[torch.cuda.Event, torch.cuda.Event]] = []


@contextmanager
def waiting(device: torch.device) -> Iterator[None]:
    """Count the time inside as waiting.

    Args:
        device: Where the tensors of the collective lie. On CUDA the call returns at once, so the
            time is taken by events of the stream that has to wait for it.
    """
    if device.type == "cuda":
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        try:
            yield
        finally:
            end.record()
            _spans.append((begin, end))
        return
    began_s = time.perf_counter()
    try:
        yield
    finally:
        _spans.append(time.perf_counter() - began_s)


def take_waited_s() -> float:
    """Return the seconds waited since the last call; on CUDA waits for the last collective."""
    waited_s = 0.0
    while _spans:
        span = _spans.pop()
        if isinstance(span, float):
            waited_s += span
            continue
        begin, end = span
        end.synchronize()
        waited_s += begin.elapsed_time(end) / 1000
    return waited_s
