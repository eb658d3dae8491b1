"""Fusion over time: what the states of a sequence are made of, and what is predicted from them."""

from typing import Annotated, Literal

from pydantic import Field

from configs.settings import Settings


class RecurrentConfig(Settings):
    """All modalities side by side at each position, read by an LSTM in both directions."""

    kind: Literal["recurrent"] = "recurrent"

    hidden_dim: int = Field(default=64, ge=1)
    """Width of each direction."""


class MemoryConfig(Settings):
    """Memory fusion network (Zadeh 2018): an LSTM for each modality, and a memory over them."""

    kind: Literal["memory"] = "memory"

    hidden_dims: tuple[int, ...] = Field(default=(48, 16, 16), min_length=1)
    """Width of each modality's LSTM, in the task's order; the last one counts for all others."""

    memory_dim: int = Field(default=48, ge=1)
    """Width of the memory."""

    gate_dim: int = Field(default=32, ge=1)
    """Hidden width of the four networks that attend to the cells and update the memory."""


class KernelAttentionConfig(Settings):
    """Kernel attention (Tsai 2019) from each modality to all of them."""

    kind: Literal["kernel_attention"] = "kernel_attention"

    kernel: Literal["linear", "polynomial", "exponential", "rbf"] = "exponential"
    """Kernel of features. With `linear` training stops at the first query whose keys have no
    positive sum: that is its known fault, and it is not hidden."""

    tied: bool = False
    """One matrix for queries and keys."""

    positions: Literal["none", "sum", "look_up", "relative", "product"] = "product"
    """How positions are known."""

    width: int = Field(default=32, ge=1)
    """Width of the states of a modality."""

    heads: int = Field(default=4, ge=1)
    """Attention heads."""

    layers: int = Field(default=1, ge=1)
    """Layers of attention."""


StatesConfig = Annotated[
    RecurrentConfig | MemoryConfig | KernelAttentionConfig, Field(discriminator="kind")
]


class LearningConfig(Settings):
    """How a network of sequences is trained."""

    lr: float = Field(default=2e-3, gt=0)
    """Learning rate of Adam."""

    weight_decay: float = Field(default=1e-4, ge=0)
    """Decay of all weights, apart from the gradient (AdamW)."""

    batch: int = Field(default=32, ge=1)
    """Sequences in one step."""

    epochs: int = Field(default=60, ge=1)
    """Passes over the train split, at most."""

    patience: int = Field(default=12, ge=1)
    """Passes without a smaller loss on the val split after which training is done."""

    clip_norm: float = Field(default=5.0, gt=0)
    """Longest gradient of a step; a longer one is scaled down."""

    average: float = Field(default=0.0, ge=0, lt=1)
    """Share of the running mean of the weights that a step keeps; that mean is what is judged on
    `val` and kept. 0: the weights themselves."""


class SequenceConfig(Settings):
    """States of a sequence and a prediction for it, or for each of its positions."""

    modalities: tuple[str, ...] = ()
    """Modalities that are read. Empty: all of the task."""

    states: StatesConfig = RecurrentConfig()
    """What the fused states are."""

    output: Literal["independent", "chain"] = "independent"
    """`chain`: a conditional random field over the labels of a sequence, so that the label of a
    position depends on its neighbours' labels; for tasks with a label a position."""

    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout on the inputs and before the last layer."""

    learning: LearningConfig = LearningConfig()
    """How it is trained."""


class HiddenCrfConfig(Settings):
    """Multi-view hidden conditional random field (Song 2012)."""

    modalities: tuple[str, ...] = ()
    """Modalities that are its views. Empty: all of the task."""

    hidden_states: int = Field(default=2, ge=1)
    """Hidden states of each view and class. Inference is exact, over the hidden states of all
    views together: classes * hidden_states ** views states."""

    window: int = Field(default=0, ge=0)
    """Positions before and after its own that a hidden state sees."""

    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout on the inputs."""

    learning: LearningConfig = LearningConfig()
    """How it is trained."""
