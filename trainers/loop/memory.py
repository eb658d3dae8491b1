"""How much memory this worker takes, by the kernel's and CUDA's own counts."""

import os
import resource
import sys
from pathlib import Path

import torch

_STATM = Path("/proc/self/statm")


def memory_bytes(device: torch.device) -> dict[str, int]:
    """Return resident memory now and at its peak; on CUDA also the most that tensors took."""
    # Linux counts the peak in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    resident = peak
    if _STATM.exists():
        resident = int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    found = {"rss": resident, "rss_peak": peak}
    if device.type == "cuda":
        found["cuda_peak"] = torch.cuda.max_memory_allocated(device)
    return found
