"""Features of whole shards: what is written of each clip, where, and by how many workers."""

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.settings import Place, Settings

Feature = Literal["embedding", "video", "audio", "text", "joint"]


class EmbeddingConfig(Settings):
    """What `weakvid embed` reads and writes."""

    shards: Place = ""
    """Folder of the shards whose clips are embedded; empty: the one that the run was trained on."""

    out: Place = ""
    """Folder that is written, on this machine or in a bucket; empty: `embeddings` in the run's."""

    format: Literal["parquet", "webdataset"] = "parquet"
    """`parquet`: a table for each shard. `webdataset`: a tar for each, with `KEY.FEATURE.npy`."""

    features: tuple[Feature, ...] = ("embedding", "video", "audio", "text", "joint")
    """What is written of a clip. `embedding`: its point in the joint space, and that of its nearest
    window; search needs them. `video`, `audio`, `text`: what fusion gets of each. `joint`: what the
    translator keeps of each of its sources alone, where the run has one."""

    batch: int = Field(default=32, ge=1)
    """Clips that are embedded at a time."""

    workers: int = Field(default=1, ge=0)
    """Ray actors that share the shards; 0 embeds them in this process. The bytes are the same."""

    threads: int = Field(default=1, ge=1)
    """Threads with which an actor computes. They decide how sums are split: another number may give
    other last bits."""

    mel_bands: int = Field(default=40, ge=8)
    """Bands of the log-mel spectrogram that stands for audio."""

    recall_split: Literal["train", "val", "test"] = "test"
    """Split on which it is measured how well a clip's nearest window finds it."""

    @model_validator(mode="after")
    def _features_are_some(self) -> Self:
        if not self.features or len(set(self.features)) < len(self.features):
            raise ValueError(
                f"embedding.features must be one or more, each once, got {self.features}"
            )
        return self
