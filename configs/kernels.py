"""Fusion by kernels: multiple kernel learning and kernel CCA."""

from typing import Annotated, Literal

from pydantic import Field

from configs.settings import Settings

Positive = Annotated[float, Field(gt=0)]


class MklConfig(Settings):
    """Support vector machines on a learned sum of kernels; every modality has the same family."""

    weighing: Literal["uniform", "easy", "simple", "alignment"] = "easy"
    """How much each kernel counts: all the same, or by EasyMKL, SimpleMKL or centred alignment.
    Of scores in place of classes only `uniform` and `alignment` can."""

    gammas: tuple[Positive, ...] = (0.25, 1.0, 4.0)
    """Radial kernels, as shares of one over a modality's median squared distance."""

    degrees: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Polynomial kernels; 1 is the linear one."""

    penalties: tuple[Positive, ...] = Field(default=(0.1, 1.0, 10.0), min_length=1)
    """C of the machines (of scores, one over the ridge), of which validation chooses."""

    smoothing: float = Field(default=0.1, ge=0, le=1)
    """Of EasyMKL: from 0, margins alone, to 1, distances of the classes' means."""

    most_examples: int = Field(default=1000, ge=2)
    """Labelled train examples that are used; of more, this many are drawn by their names and the
    seed. Gram matrices grow with the square."""


class KccaConfig(Settings):
    """A linear classifier in the space where kernel CCA finds the modalities to agree."""

    kernel: Literal["linear", "polynomial", "rbf"] = "rbf"
    """Kernel of every modality, of the width that its own distances suggest."""

    components: int = Field(default=20, ge=1)
    """Directions of agreement; fewer where a modality has fewer."""

    shrinkages: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.0001, 0.001, 0.01, 0.1), min_length=1
    )
    """From correlation alone towards covariance, of which validation chooses."""

    penalties: tuple[Positive, ...] = Field(default=(0.01, 0.1, 1.0, 10.0), min_length=1)
    """C of the classifier (of scores, one over the ridge), of which validation chooses."""

    most_examples: int = Field(default=1000, ge=2)
    """Train examples, labelled or not, on which agreement is sought; of more, this many are drawn
    by their names and the seed."""
