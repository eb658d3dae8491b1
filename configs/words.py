"""Word vectors from visual co-occurrence."""

from typing import Literal

from pydantic import Field

from configs.settings import Settings


class VicoConfig(Settings):
    """The multi-task log-bilinear model; published values where nothing else is said."""

    width: int = Field(default=50, ge=1)
    """Numbers of a word's vector; published: 50, 100 and 200."""

    transform: Literal["linear", "select"] = "linear"
    """How a kind of co-occurrence sees a vector: through its own matrix, or its own slice."""

    transformed: int = Field(default=25, ge=1)
    """Rows of a kind's matrix; of `linear` only. Published: 50, for larger counts."""

    steps: int = Field(default=3000, ge=1)
    """Batches; published: 160,000, for a vocabulary forty times as large."""

    batch: int = Field(default=1000, ge=1)
    """Pairs of each kind that are drawn a step, and as many that do not occur."""

    rate: float = Field(default=0.01, gt=0)
    """Learning rate of Adam."""
