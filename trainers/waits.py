"""How long this worker waited for the others: the time that it spends inside collectives.

In a synchronous step every worker takes as long as the slowest one. Only what is left after the
waiting tells which of them that is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_spans: list[float | tuple[torch.cuda.Event, torch.cuda.Event]] = []
_inside = False
_left_monotonic_s = 0.0


def is_waiting() -> bool:
    """Return whether this worker is inside a collective now."""
    return _inside


def left_monotonic_s() -> float:
    """Return when it last came out of one, by the monotonic clock; 0 before the first."""
    return _left_monotonic_s


@contextmanager
def _seen_inside() -> Iterator[None]:
    global _inside, _left_monotonic_s  # noqa: PLW0603 - one main thread a worker
    _inside = True
    try:
        yield
    finally:
        _left_monotonic_s, _inside = time.monotonic(), False


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
            with _seen_inside():
                yield
        finally:
            end.record()
            _spans.append((begin, end))
        return
    began_s = time.perf_counter()
    try:
        with _seen_inside():
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
