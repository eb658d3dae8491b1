"""Evaluation: retrieval on held-out clips, fusion of frozen features, published protocols."""

from typing import Literal

from pydantic import Field

from configs.probes import BenchmarkConfig, ProbeConfig, StepsConfig
from configs.settings import Place, Settings


class RetrievalConfig(Settings):
    """Zero-shot text-to-video and video-to-text retrieval."""

    split: Literal["train", "val", "test"] = "test"
    """Split whose clips are ranked."""

    queries: Place = ""
    """JSONL of labelled spans (video_id, start_s, end_s, sentence) that give the queries;
    without it each clip's nearest window is its query."""

    grid_queries: int = Field(default=8, ge=0)
    """Queries drawn in the report with the clips they find."""


class FusionConfig(Settings):
    """Classifiers on frozen video, audio and text features."""

    labels: Place = ""
    """JSONL of labelled spans (video_id, start_s, end_s, label); without it there is no fusion."""

    seeds: int = Field(default=3, ge=3)
    """Classifiers trained for each row of the table."""

    hidden_dim: int = Field(default=64, gt=0)
    """Hidden width of a classifier."""

    epochs: int = Field(default=60, gt=0)
    """Passes over the labelled training clips, at most."""

    patience: int = Field(default=15, ge=1)
    """Passes without a smaller validation loss after which a classifier is done."""

    lr: float = Field(default=3e-3, gt=0)
    """Learning rate of the classifiers."""

    batch: int = Field(default=128, ge=1)
    """Labelled clips in one step of a classifier."""

    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Dropout on a classifier's inputs and before its last layer. Frozen features are many and
    labelled clips few: without it a classifier learns the clips by heart."""


class EvaluationConfig(Settings):
    """What is measured on a trained run."""

    retrieval: RetrievalConfig = RetrievalConfig()
    """Retrieval."""

    fusion: FusionConfig = FusionConfig()
    """Fusion."""

    own_shards: bool = True
    """Look at the shards that the run was trained on: retrieval, alignment, fusion. Without it,
    for imported weights, only published protocols are measured."""

    benchmark: BenchmarkConfig = BenchmarkConfig()
    """Retrieval on a published listing of clips."""

    probe: ProbeConfig = ProbeConfig()
    """Linear probe."""

    steps: StepsConfig = StepsConfig()
    """Localisation of steps."""

    cues: Place = ""
    """JSONL of true cues (video_id, start_s, end_s, text, step) against which the alignment
    of clips and windows is counted; without it nothing is counted."""

    batch: int = Field(default=32, ge=1)
    """Clips that are embedded at a time."""

    workers: int = Field(default=1, ge=1)
    """Ray tasks that share the clips; 1 embeds them in this process. The figures are the same."""

    mel_bands: int = Field(default=40, ge=8)
    """Bands of the log-mel spectrogram that stands for audio."""
