"""The two towers, the tokenizer and the translator between them."""

from pydantic import Field, field_validator

from configs.settings import Settings


class S3DConfig(Settings):
    """Separable 3-D Inception with feature gating (S3D-G). Defaults: the published model."""

    width: float = Field(default=1.0, gt=0)
    """Multiplies every channel count; 0.125 makes a model for a CPU."""

    blocks: tuple[str, ...] = (
        "3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c",
    )  # fmt: skip
    """Inception blocks that are kept, in order, by their published names."""

    space_to_depth: bool = True
    """Fold 2x2x2 pixels into channels before the first layer, as in the published weights."""

    stem_kernel: tuple[int, int, int] = (3, 7, 7)
    """Frames, height and width of the first kernel where `space_to_depth` is off. At low width
    that layer is most of the work; 3, 3, 3 makes it cheap."""

    gating: bool = True
    """Self-gating after the blocks (the G of S3D-G)."""

    embedding_dim: int = Field(default=512, gt=0)
    """Width of the joint embedding space."""

    @field_validator("stem_kernel")
    @classmethod
    def _has_a_middle(cls, sizes: tuple[int, int, int]) -> tuple[int, int, int]:
        if any(size < 1 or size % 2 == 0 for size in sizes):
            raise ValueError(f"model.video.stem_kernel must be three odd numbers, got {sizes}")
        return sizes


class TextConfig(Settings):
    """Words -> embedding -> linear, ReLU -> max over words -> linear (Miech 2020)."""

    vocabulary: int = Field(default=8000, ge=64)
    """Pieces of the sentencepiece model, fewer where the corpus has fewer."""

    max_words: int = Field(default=24, ge=1)
    """Pieces kept of one window."""

    word_dim: int = Field(default=300, gt=0)
    """Width of a word embedding."""

    hidden_dim: int = Field(default=2048, gt=0)
    """Width between the two linear layers."""


class TranslatorConfig(Settings):
    """Sequence-to-sequence translator with attention (Pham 2019)."""

    hidden_dim: int = Field(default=128, gt=0)
    """Width of the joint sequence."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the joint sequence."""


class ModelConfig(Settings):
    """Everything that has weights."""

    video: S3DConfig = S3DConfig()
    """Video tower."""

    text: TextConfig = TextConfig()
    """Text tower."""

    translator: TranslatorConfig = TranslatorConfig()
    """Translator, built where the cyclic objective has a weight."""
