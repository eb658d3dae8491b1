"""Cached layers, made up: of two towers, where one layer of each knows half of the label."""

from collections.abc import Callable

import pytest
import torch

from configs.mfas import MfasConfig
from trainers.fusion.mfas.jobs import Rows, Trainer
from trainers.fusion.mfas.search import search
from trainers.fusion.mfas.space import Space
from trainers.fusion.mfas.trace import Trace

KNOWS = ("left/1", "right/0")
"""The layer of each tower that knows its half."""


@pytest.fixture(scope="session")
def trainer() -> Callable[..., Trainer]:
    """Make a trainer over the layers `left/0..2` and `right/0..1`; settings may be changed."""

    def make(**changes: object) -> Trainer:
        generator = torch.Generator().manual_seed(0)
        half_2K = torch.randint(2, (2, 500), generator=generator)
        layers: dict[str, torch.Tensor] = {}
        for name, half_K in zip(("left", "right"), half_2K, strict=True):
            for number in range(3 if name == "left" else 2):
                noise = torch.randn(500, 4 + number, generator=generator)
                known_K1 = (2.0 * half_K[:, None] - 1) * (f"{name}/{number}" in KNOWS)
                layers[f"{name}/{number}"] = noise + known_K1
        label_K = 2 * half_2K[0] + half_2K[1]
        train, val = (
            Rows({name: x[part] for name, x in layers.items()}, label_K[part])
            for part in (slice(0, 400), slice(400, None))
        )
        config = MfasConfig(levels=2, rounds=2, samples=5, lr=0.02, batch=20)
        return Trainer(Space.of(list(layers)), config.model_copy(update=changes), train, val, 4)

    return make


@pytest.fixture(scope="session")
def whole(trainer: Callable[..., Trainer]) -> Trace:
    """Search with the seed 0, not cut off."""
    return search(trainer(), 0)
