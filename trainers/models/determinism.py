"""Kernels that give the same bits each time, on a GPU too."""

import os

import torch

from configs.models import ComputeConfig

CUBLAS_WORKSPACE = ":4096:8"
"""Size and number of cuBLAS' work spaces, with which its sums have one order. It is read when the
process first uses the GPU."""


def choose_kernels(config: ComputeConfig, device: torch.device) -> None:
    """Leave torch only deterministic kernels on a GPU where asked; call it before the first one.

    Afterwards an operation that has none raises RuntimeError and names itself.
    """
    wanted = config.deterministic and device.type == "cuda"
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)
    # Each worker is a process of its own, and says what it wants: nothing is left over.
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.benchmark = device.type == "cuda" and not wanted
