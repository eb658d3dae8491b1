"""MFAS: which layers of the modalities' towers are fused, searched for or given."""

from typing import Literal

from pydantic import Field

from configs.networks import NetworksConfig
from configs.settings import Settings

Activation = Literal["relu", "sigmoid"]


class UnitConfig(Settings):
    """One fusion layer: it reads a layer of each modality's tower, and the fusion layer before."""

    layers: dict[str, int]
    """Number of the layer of each modality, from 0."""

    activation: Activation
    """What follows the linear layer."""


class MfasConfig(Settings):
    """Progressive search by a surrogate (Perez-Rua 2019).

    Defaults are the published settings, but for larger batches, with a larger step, and one round
    where the paper has three.
    """

    networks: NetworksConfig = NetworksConfig()
    """Towers, their training alone, and the last training of all together."""

    architecture: tuple[UnitConfig, ...] = ()
    """Fusion layers, first to last: what a search writes. Empty: search."""

    search: Literal["progressive", "random"] = "progressive"
    """How architectures are drawn: by the surrogate, or evenly, as many."""

    levels: int = Field(default=4, gt=0)
    """Fusion layers, at most."""

    rounds: int = Field(default=1, gt=0)
    """How often the search goes through all levels."""

    samples: int = Field(default=15, gt=0)
    """Architectures that are drawn at a level, and trained."""

    first_temperature: float = Field(default=10.0, gt=0)
    """At first architectures are drawn nearly evenly."""

    last_temperature: float = Field(default=0.2, gt=0)
    """At last those that promise most are preferred."""

    temperature_decay: float = Field(default=4.0, gt=0)
    """Levels after which the temperature has come most of the way."""

    hidden_dim: int = Field(default=16, gt=0)
    """Width of the fusion layers during the search."""

    epochs: int = Field(default=3, gt=0)
    """Passes over the cached layers for each architecture."""

    batch: int = Field(default=64, ge=1)
    """Examples in one step of an architecture."""

    lr: float = Field(default=3e-3, gt=0)
    """Learning rate at the start of each of its cycles, which last 1, 2, 4, .. passes."""

    finalists: int = Field(default=5, gt=0)
    """Architectures that are trained anew, wide, on the cached layers; the best of them on the val
    split is trained with its towers."""

    final_hidden_dim: int = Field(default=64, gt=0)
    """Width of the fusion layers after the search."""

    tune: bool = True
    """Train the towers with the fusion layers in the end, at a tenth of the learning rate."""
