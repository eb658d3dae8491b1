"""The two towers, the tokenizer and the translator between them."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from configs.settings import Place, Settings


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

    kind: Literal["pieces", "words"] = "pieces"
    """`pieces`: a sentencepiece model is trained on the narration. `words`: whole words, upper and
    lower case told apart, and what the vocabulary lacks is dropped, as in the published model."""

    words: Place = ""
    """Vocabulary of kind `words`: a `.npy` array of strings, such as the published `dict.npy`.
    Empty: the words of the train split's narration, the most frequent first."""

    vocabulary: int = Field(default=8000, ge=64)
    """Ids at most: fewer where the corpus has fewer. A vocabulary from `words` is taken whole."""

    max_words: int = Field(default=24, ge=1)
    """Pieces or words kept of one window. The published code trains with 20, evaluates with 30."""

    word_dim: int = Field(default=300, gt=0)
    """Width of a word embedding."""

    hidden_dim: int = Field(default=2048, gt=0)
    """Width between the two linear layers."""

    train_words: bool = True
    """Train the word embeddings. In the published model they stay those of word2vec."""

    pads: Literal["masked", "counted"] = "masked"
    """`counted`: a pad takes part in the maximum like a word, as the published weights need it."""

    @model_validator(mode="after")
    def _file_has_a_use(self) -> Self:
        if self.words and self.kind != "words":
            raise ValueError(
                "model.text.words must be empty unless model.text.kind is words, "
                f"got {self.words!r} and {self.kind!r}"
            )
        return self


class TranslatorConfig(Settings):
    """Sequence-to-sequence translator with attention (Pham 2019)."""

    kind: Literal["queries", "recurrent", "transformer"] = "queries"
    """`recurrent`: as published, a bidirectional LSTM and an attention LSTM that reads its own last
    output. `queries`: GRUs, with a query for each target position and nothing read back.
    `transformer`: one layer each way, queries too."""

    hidden_dim: int = Field(default=128, gt=0)
    """Width of the joint sequence."""

    heads: int = Field(default=4, ge=1)
    """Attention heads of kind `transformer`; they divide `hidden_dim`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the joint sequence, and inside the layers of a `transformer`."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.kind == "transformer" and self.hidden_dim % self.heads:
            raise ValueError(
                "translator.hidden_dim must be a multiple of translator.heads, "
                f"got {self.hidden_dim} and {self.heads}"
            )
        return self


class ComputeConfig(Settings):
    """How the video tower is computed: speed and memory, not what it is. See docs/models.md."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16`: its layers in bfloat16; weights, statistics of batch norm, features, embeddings and
    losses stay in float32."""

    channels_last: bool = True
    """Keep maps with channels innermost, and convolve them in two dimensions or as matrices."""

    recompute: bool = False
    """Keep only what enters each block, and run the block again on the way back: less memory, a
    third more work, the same bits."""

    compile: bool = False
    """Compile it (torch.compile): minutes at the start, and a C++ compiler is needed."""

    deterministic: bool = False
    """On a GPU, use only kernels that give the same bits each time; what has none is an error. On
    a CPU all of them do."""

    @model_validator(mode="after")
    def _pools_have_such_kernels(self) -> Self:
        if self.deterministic and not self.channels_last:
            raise ValueError(
                "model.compute.deterministic needs model.compute.channels_last, since pooling in "
                "torch's own layout has no deterministic kernel, got channels_last false"
            )
        return self


class ModelConfig(Settings):
    """Everything that has weights."""

    video: S3DConfig = S3DConfig()
    """Video tower."""

    text: TextConfig = TextConfig()
    """Text tower."""

    translator: TranslatorConfig = TranslatorConfig()
    """Translator, built where the cyclic objective has a weight."""

    compute: ComputeConfig = ComputeConfig()
    """Precision, memory layout and the like of the video tower."""

    weights: Place = ""
    """Folder written by `weakvid weights import`: both towers begin with its weights, and its
    vocabulary is used. Empty: fresh weights."""
