"""Fusion methods on tasks: which are compared, over how many seeds, and what they lose."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from configs.kernels import KccaConfig, MklConfig
from configs.mfas import MfasConfig
from configs.networks import NetworksConfig
from configs.operating import OperatingConfig
from configs.runs import RayConfig
from configs.sequences import HiddenCrfConfig, KernelAttentionConfig, MemoryConfig, SequenceConfig
from configs.settings import Place, Settings
from configs.translation import TranslationConfig

TaskName = Literal["features", "avmnist", "mosi_utterances", "mosi_videos", "mfeat", "pom", "meld"]
MethodName = Literal[
    "alone",
    "early",
    "late_mean",
    "late_product",
    "late_weighted",
    "late_stacked",
    "joint",
    "tensor",
    "low_rank",
    "mfas",
    "mkl_uniform",
    "mkl_easy",
    "mkl_simple",
    "mkl_alignment",
    "kcca",
    "recurrent",
    "memory",
    "kernel_attention",
    "chain",
    "hidden_crf",
    "translation",
]
METHODS: tuple[MethodName, ...] = get_args(MethodName)
Corruption = Literal["noise", "holes", "blackout", "shuffle"]
StandIn = Literal["zero", "mean", "learned"]


class LossesConfig(Settings):
    """What a fitted method is put through on the test split."""

    corruptions: tuple[Corruption, ...] = ("noise", "blackout")
    """Corruptions, of one modality at a time, at ten levels from 0 to 0.9; empty: none."""

    corrupted_seeds: int = Field(default=1, ge=1)
    """Seeds whose methods are put through corruptions: the first ones."""

    stand_ins: tuple[StandIn, ...] = ("zero", "mean", "learned")
    """What stands in for missing modalities, over all subsets of them; empty: none is missing."""

    seed: int = Field(default=0, ge=0)
    """Draws the noise, the same for all methods and seeds."""


class MethodsConfig(Settings):
    """Settings of the methods, the same on all tasks."""

    networks: NetworksConfig = NetworksConfig()
    """`alone`, `early`, `late_*`, `joint`, `tensor` and `low_rank`."""

    mfas: MfasConfig = MfasConfig()
    """`mfas`; its towers are those of `networks`."""

    mkl: MklConfig = MklConfig()
    """`mkl_*`; `weighing` is the method's."""

    kcca: KccaConfig = KccaConfig()
    """`kcca`."""

    sequences: SequenceConfig = SequenceConfig()
    """`recurrent`, `memory`, `kernel_attention` and `chain`; `output` is the method's."""

    memory: MemoryConfig = MemoryConfig()
    """States of `memory`."""

    kernel_attention: KernelAttentionConfig = KernelAttentionConfig()
    """States of `kernel_attention`."""

    hidden_crf: HiddenCrfConfig = HiddenCrfConfig()
    """`hidden_crf`."""

    translation: TranslationConfig = TranslationConfig(epochs=40, patience=8)
    """`translation`."""


class GridConfig(Settings):
    """Tasks x methods x seeds."""

    out: Place = "runs/demo/fusion"
    """Folder that gets a file for each cell, `summary.json` and `report.html`."""

    data: Place = ""
    """Folder of the public data sets, each in a folder of its own; see docs/fusion.md."""

    features: Place = "runs/demo/evaluation"
    """What the task `features` reads: the folder that `weakvid evaluate` writes for a run, or one
    that `weakvid embed` has written of any shards."""

    labels: Place = ""
    """The `labels.json` that says what clips show, as `weakvid evaluate` writes it; empty: the one
    in `features`."""

    tasks: tuple[TaskName, ...] = Field(default=("features",), min_length=1)
    """Tasks, of those in docs/fusion.md."""

    shots: tuple[int, ...] = (0,)
    """Labels of each class that training has; 0 for all of them, and one task for each number."""

    methods: tuple[MethodName, ...] = Field(default=METHODS, min_length=1)
    """Methods. One that cannot serve a task is listed in the summary with the reason."""

    dropout: tuple[MethodName, ...] = ("joint",)
    """Methods that are trained once more, with modality dropout."""

    seeds: int = Field(default=3, ge=1)
    """Each method is trained with the seeds 0, 1, .. on each task."""

    workers: int = Field(default=0, ge=0)
    """Cells in work at a time, as Ray tasks; 0 works in this process. The figures are the same."""

    losses: LossesConfig = LossesConfig()
    """Corruption and missing modalities."""

    settings: MethodsConfig = MethodsConfig()
    """Settings of the methods."""

    @model_validator(mode="after")
    def _places_are_given(self) -> Self:
        if set(self.tasks) - {"features"} and not self.data:
            raise ValueError(f"data must name the folder of the data sets of {self.tasks}, got ''")
        if any(shots < 0 for shots in self.shots) or not self.shots:
            raise ValueError(f"shots must be numbers from 0, got {self.shots}")
        return self


class CompareJob(Settings):
    """`weakvid compare`: fusion methods on tasks -> a table and a page."""

    grid: GridConfig = GridConfig()
    ray: RayConfig = RayConfig()
    operating: OperatingConfig = OperatingConfig()
