"""What the training minimises: a contrastive loss, cyclic translation, and their weights."""

from typing import Literal

from pydantic import Field

from configs.settings import Settings


class MilNceConfig(Settings):
    """Multiple-instance noise-contrastive estimation (Miech 2020)."""

    weight: float = Field(default=1.0, ge=0)
    """Share of this loss in the total."""

    temperature: float = Field(default=1.0, gt=0)
    """Divides the similarities. The paper trains on raw dot products, hence 1."""

    positives_in_denominator: Literal["twice", "once"] = "twice"
    """`twice` as in the authors' code (floor log 2), `once` as in the paper (floor 0)."""

    candidates: int = Field(default=5, ge=1, le=9)
    """K: windows of the bag that count as positives."""

    mask_same_video: bool = True
    """Leave other clips of the same video out of the negatives."""

    form: Literal["local", "chunked", "ring"] = "chunked"
    """How a worker meets the clips of all workers. `local`: all of its logits at once. `chunked`:
    `chunk` clips at a time. `ring`: chunked too, and other workers' embeddings come round one
    worker at a time, so that none holds the whole batch. The loss is the same."""

    chunk: int = Field(default=64, ge=1)
    """Clips whose logits are held at a time, where `form` is not `local`."""


class CyclicConfig(Settings):
    """Cyclic translation between a clip and its window (Pham 2019)."""

    weight: float = Field(default=0.0, ge=0)
    """Share of this loss in the total; 0 leaves the translator out."""

    forward_weight: float = Field(default=1.0, ge=0)
    """Weight of source -> target within this loss."""

    cycle_weight: float = Field(default=1.0, ge=0)
    """Weight of the way back, target -> source, within this loss."""

    target_window: Literal["nearest", "most_similar"] = "most_similar"
    """Window of the bag that a clip is translated into: the nearest in time, which is right for
    about a third of clips, or the one with the highest similarity in the joint space."""


class ObjectivesConfig(Settings):
    """The objectives of a run; the total is their weighted sum."""

    contrastive: Literal["mil_nce", "nce", "max_margin", "info_nce"] = "mil_nce"
    """The contrastive loss. The others are what the paper compares with: `nce` and `max_margin` see
    the nearest window only, `info_nce` is one softmax a direction. All follow `mil_nce` below."""

    margin: float = Field(default=0.1, gt=0)
    """By how much a pair must be ahead of the others, `max_margin` only."""

    mil_nce: MilNceConfig = MilNceConfig()
    """Weight, temperature, bag and negatives of the contrastive objective, whichever it is."""

    cyclic: CyclicConfig = CyclicConfig()
    """The translation objective."""
