"""What a piece of work takes: seconds of this process, and the most memory beyond what it had."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one piece of work."""

    cpu_s: float
    """Of all threads of this process."""

    wall_s: float

    peak_bytes: int | None
    """Most resident memory minus that at the start; None where the kernel does not count anew."""


def costed(work: Callable[[], Found]) -> tuple[Found, Cost]:
    """Do it, and return its result and its cost."""
    before = _peak_from_now()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    found = work()
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    peak = None if before is None else max(0, _kib("VmHWM") * 1024 - before)
    return found, Cost(cpu_s, wall_s, peak)


def _peak_from_now() -> int | None:
    """Let the kernel forget the peak so far; return what is resident now."""
    with contextlib.suppress(OSError):
        _RESET.write_text("5")
        return _kib("VmRSS") * 1024
    return None


def _kib(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
