"""Tests of trainers/models/determinism.py. That the kernels are so is tested in tests/gpu."""

import os

import pytest
import torch
from pydantic import ValidationError

from configs.models import ComputeConfig
from trainers.models.determinism import choose_kernels


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_the_switch_is_for_gpus_alone(device: str, wanted: bool) -> None:
    choose_kernels(ComputeConfig(deterministic=wanted), torch.device(device))
    on = wanted and device == "cuda"
    assert torch.are_deterministic_algorithms_enabled() == on
    assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) == on
    assert torch.backends.cudnn.benchmark == (device == "cuda" and not wanted)


def test_it_needs_pools_that_have_deterministic_kernels() -> None:
    with pytest.raises(ValidationError, match=r"deterministic needs model\.compute\.channels_last"):
        ComputeConfig(deterministic=True, channels_last=False)
