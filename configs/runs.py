"""One settings tree a verb: what `weakvid VERB` reads from YAML and the command line."""

from typing import Self

from pydantic import Field, model_validator

from configs.asr import AsrConfig
from configs.beside import BesideConfig
from configs.checkpoints import CheckpointsConfig
from configs.clips import ClipsConfig
from configs.data import DataConfig
from configs.embedding import EmbeddingConfig
from configs.faults import FaultsConfig
from configs.fusion import EvaluationConfig
from configs.models import ModelConfig
from configs.objectives import ObjectivesConfig
from configs.operating import OperatingConfig
from configs.settings import Place, Settings
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from configs.tracking import TrackingConfig
from configs.training import TrainingConfig


class RayConfig(Settings):
    """Where the work runs."""

    address: str = "local"
    """`local` starts Ray on this machine; otherwise the address of a running cluster."""

    cpus: int = Field(default=0, ge=0)
    """CPUs given to a local Ray; 0 takes all."""

    insecure_local: bool = False
    """Work also where Ray asks for no token: only where nobody else reaches its ports."""


class RunConfig(Settings):
    """A run: named, resumable, one folder."""

    name: str = Field(default="demo", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    """Name of the run, and of its folder."""

    root: Place = "runs"
    """Folder that holds the runs, or such a folder in a bucket."""


class AsrJob(Settings):
    """`weakvid asr`: videos without captions -> transcripts."""

    sources: SourcesConfig = SourcesConfig()
    asr: AsrConfig = AsrConfig()
    ray: RayConfig = RayConfig()
    operating: OperatingConfig = OperatingConfig()


class ShardsJob(Settings):
    """`weakvid shards`: raw videos -> shards."""

    sources: SourcesConfig = SourcesConfig()
    asr: AsrConfig = AsrConfig()
    clips: ClipsConfig = ClipsConfig()
    shards: ShardsConfig = ShardsConfig()
    ray: RayConfig = RayConfig()
    operating: OperatingConfig = OperatingConfig()
    remove: tuple[str, ...] = ()
    """Id of a video that is taken down, once for each: `--remove ID --remove ID`. Its clips go from
    the shards in `shards.out`, nothing else is built, and later builds do not bring it back."""

    @model_validator(mode="after")
    def _scratch_holds_a_video(self) -> Self:
        if self.shards.scratch_bytes < self.sources.limits.file_bytes:
            raise ValueError(
                "shards.scratch_bytes must be at least sources.limits.file_bytes, "
                f"got {self.shards.scratch_bytes} and {self.sources.limits.file_bytes}"
            )
        return self


class TrainJob(Settings):
    """`weakvid train`: shards -> a trained run."""

    run: RunConfig = RunConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objectives: ObjectivesConfig = ObjectivesConfig()
    training: TrainingConfig = TrainingConfig()
    checkpoints: CheckpointsConfig = CheckpointsConfig()
    faults: FaultsConfig = FaultsConfig()
    tracking: TrackingConfig = TrackingConfig()
    evaluation: BesideConfig = BesideConfig()
    ray: RayConfig = RayConfig()
    operating: OperatingConfig = OperatingConfig()

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.data.size > self.data.resize:
            raise ValueError(
                "data.size must not exceed data.resize, "
                f"got {self.data.size} and {self.data.resize}"
            )
        return self

    @model_validator(mode="after")
    def _best_is_measured(self) -> Self:
        if self.checkpoints.best.startswith("val/cyclic") and not self.objectives.cyclic.weight:
            raise ValueError(
                "checkpoints.best must be a figure that is measured, got "
                f"{self.checkpoints.best} where objectives.cyclic.weight is 0"
            )
        return self

    @model_validator(mode="after")
    def _beside_needs_ray(self) -> Self:
        if self.evaluation.every and not self.training.workers:
            raise ValueError(
                "evaluation.every must be 0 where training.workers is 0, since it runs on Ray, "
                f"got {self.evaluation.every}"
            )
        return self


class EvaluateJob(Settings):
    """`weakvid evaluate`: a trained run -> retrieval and fusion figures."""

    run: RunConfig = RunConfig()
    checkpoint: str = Field(default="", pattern=r"^([0-9]{1,12}|best)?$")
    """Step of the checkpoint that is measured, or `best` (checkpoints.best); empty: the newest."""

    evaluation: EvaluationConfig = EvaluationConfig()
    ray: RayConfig = RayConfig()
    operating: OperatingConfig = OperatingConfig()


class EmbedJob(Settings):
    """`weakvid embed`: a trained run and shards -> features of their clips."""

    run: RunConfig = RunConfig()
    checkpoint: str = Field(default="", pattern=r"^([0-9]{1,12}|best)?$")
    """Step of the checkpoint that embeds, or `best` (checkpoints.best); empty: the newest."""

    embedding: EmbeddingConfig = EmbeddingConfig()
    ray: RayConfig = RayConfig()
    operating: OperatingConfig = OperatingConfig()


class ReportJob(Settings):
    """`weakvid report`: everything known of a run -> one HTML file."""

    run: RunConfig = RunConfig()
    source: Place = ""
    """Demo-corpus folder whose truth files the report counts against; empty: none."""
