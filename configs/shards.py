"""How samples become shards: bundles, size caps, splits, the output folder."""

from typing import Self

from pydantic import Field, model_validator

from configs.settings import Place, Settings


class ShardsConfig(Settings):
    """Output folder and layout of the shards."""

    out: Place = ""
    """Folder that receives shards, manifest and rejects."""

    sources_per_bundle: int = Field(default=32, ge=1)
    """Videos that one Ray task turns into one bundle, on average."""

    max_shard_bytes: int = Field(default=512 * 2**20, ge=2**20)
    """A bundle begins another part file before a shard would exceed this size."""

    max_shard_samples: int = Field(default=2000, ge=1)
    """A bundle begins another part file once a shard has this many samples."""

    val_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the videos held out for validation, by a hash of the video id."""

    test_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the videos held out for testing, by a hash of the video id."""

    scratch: Place = ""
    """Folder of this machine for work files, where sources or output lie in an object store;
    empty: the system's folder for temporary files."""

    scratch_bytes: int = Field(default=32 * 2**30, gt=0)
    """Bytes that fetched videos may take in `scratch` of one machine; at least
    `sources.limits.file_bytes`. A download waits until it fits."""

    attempts: int = Field(default=3, ge=1)
    """Times that a bundle is tried when its worker dies, or when it is lost. After two deaths its
    sources are tried one by one first."""

    task_memory_bytes: int = Field(default=2 * 2**30, ge=0)
    """Memory that Ray sets aside for a bundle: a worker and a decoder. Twice as much, and a node
    for itself, gets a source that is tried again alone."""

    overdue_s: float = Field(default=120.0, gt=0)
    """Seconds past the deadline of its source under way after which a bundle is taken for lost,
    with its node, and built elsewhere."""

    max_reject: float = Field(default=0.5, ge=0, le=1)
    """Share of rejected videos above which the command ends with exit code 3."""

    retry_rejects: bool = False
    """Build again the bundles in which a source was rejected."""

    @model_validator(mode="after")
    def _splits_leave_something_to_train_on(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError(
                "shards.val_share + shards.test_share must be below 1, "
                f"got {self.val_share} + {self.test_share}"
            )
        return self
