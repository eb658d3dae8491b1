"""Translation of labelled pairs: co-learning of a source with modalities that only training has."""

from typing import Self

from pydantic import Field, model_validator

from configs.models import TranslatorConfig
from configs.settings import Settings


class TranslationConfig(Settings):
    """Multimodal cyclic translation network (Pham 2019).

    The weights of the losses, the width and the batch are the published ones.
    """

    source: str = ""
    """Modality that is translated, the only one that prediction reads. Empty: the task's first."""

    targets: tuple[str, ...] = Field(default=(), max_length=2)
    """What it is translated into: one modality, or two, where the joint sequence of the first is
    translated into the second. Empty: the task's others, two at most."""

    translator: TranslatorConfig = TranslatorConfig(hidden_dim=32)
    """Kind, width and dropout of the translators."""

    forward_weight: float = Field(default=0.1, ge=0)
    """Weight of source -> first target."""

    cycle_weight: float = Field(default=0.1, ge=0)
    """Weight of the way back. At 0 nothing is translated back."""

    second_weight: float = Field(default=0.1, ge=0)
    """Weight of joint sequence -> second target. There is no way back."""

    task_weight: float = Field(default=1.0, ge=0)
    """Weight of the loss of the prediction."""

    output_l2: float = Field(default=0.01, ge=0)
    """Weight of the squared weights of the last layer."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the source and before the last layer."""

    lr: float = Field(default=1e-3, gt=0)
    """Learning rate of Adam. Published is 1e-4, which takes more passes than `epochs` allows where
    the train split is small."""

    batch: int = Field(default=32, ge=1)
    """Examples in one step."""

    epochs: int = Field(default=200, gt=0)
    """Passes over the train split, at most."""

    patience: int = Field(default=20, ge=1)
    """Passes without a smaller task loss on the val split after which training is done."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        named = (self.source, *self.targets)
        if len(set(named)) < len(named):
            raise ValueError(f"source and targets must be different modalities, got {named}")
        return self
