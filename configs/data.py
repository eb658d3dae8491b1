"""What training reads, in which order, and what is done to a clip before the model sees it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.settings import Place, Settings


class DataConfig(Settings):
    """Shards, their order, and the way of a clip from there into a batch."""

    shards: Place = ""
    """Folder written by `weakvid shards`, on this machine or in a bucket."""

    mix: tuple[Place, ...] = ()
    """Further folders like `shards`. Every batch has clips of all of them."""

    weights: tuple[float, ...] = ()
    """Share of each folder in a batch, in proportion, `shards` first; without any, a folder has
    the share of its training clips. A share is rounded to whole clips of a batch."""

    one_clip_per_video: bool = False
    """Keep clips of a video out of each other's batch. Refused where a video has more clips than
    an epoch has batches."""

    shards_per_block: int = Field(default=8, ge=1)
    """Shards whose clips are shuffled together: what workers read from at a time."""

    max_damaged: float = Field(default=0.001, ge=0, lt=1)
    """Share of an epoch's clips that may be damaged and replaced; more of them end the training."""

    check_shards: bool = True
    """Compare the SHA-256 of a shard with the manifest before its first use, once on a machine."""

    shards_ahead: int = Field(default=4, ge=0)
    """Steps ahead of the model for which shards are checked, and copied where `copies_gib` says."""

    copies_gib: float = Field(default=0.0, ge=0)
    """Disk of each machine for whole copies of shards in a bucket; 0 reads them clip by clip."""

    copies: Place = ""
    """Folder of each machine for the copies, and for notes of which shards were checked; empty: in
    the system's folder for temporary files."""

    num_frames: int = Field(default=32, gt=0)
    """Frames of a clip that the model sees, taken at an even stride from the stored ones."""

    size: int = Field(default=224, ge=16)
    """Side in pixels of the square crop that the model sees."""

    resize: int = Field(default=256, ge=16)
    """Short side in pixels to which a clip is resized before the crop."""

    flip: bool = True
    """Mirror half of the training clips. Turn it off where words name left and right."""

    mel_bands: int = Field(default=40, ge=8)
    """Bands of the log-mel spectrogram, where the cyclic objective translates sound."""

    mel_frames: int = Field(default=8, ge=1)
    """Positions over a clip into which the spectrogram is averaged before it is translated."""

    decoder: Literal["decord", "pyav"] = "decord"
    """Decoder of the stored clips. decord has no wheel for arm64; PyAV stands in there."""

    threads: int = Field(default=2, ge=1)
    """Threads in each worker that read and decode ahead of the model."""

    read_ahead: int = Field(default=2, ge=1)
    """Micro-batches that are kept ready."""

    cache_gib: float = Field(default=0.0, ge=0)
    """Memory in each worker for clips that are already decoded."""

    @model_validator(mode="after")
    def _a_weight_for_each_folder(self) -> Self:
        if self.weights and len(self.weights) != 1 + len(self.mix):
            raise ValueError(
                "data.weights must have one number for data.shards and one for each of data.mix, "
                f"got {len(self.weights)} for {1 + len(self.mix)} folders"
            )
        if any(weight <= 0 for weight in self.weights):
            raise ValueError(f"data.weights must be above 0, got {self.weights}")
        return self

    def folders(self) -> tuple[str, ...]:
        """Return the folders of shards that are trained on."""
        return (self.shards, *self.mix)
