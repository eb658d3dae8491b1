"""Evaluation of checkpoints while the training goes on."""

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.fusion import EvaluationConfig, RetrievalConfig


class BesideRetrievalConfig(RetrievalConfig):
    """Retrieval on what may be looked at while training."""

    split: Literal["train", "val", "test"] = "val"
    """Split whose clips are ranked. What is looked at while training is no test any more."""


class BesideConfig(EvaluationConfig):
    """What is measured on committed checkpoints beside training, and how often."""

    every: int = Field(default=0, ge=0)
    """Steps between evaluations; of each the next committed checkpoint is measured, and the last
    one of the run. 0: none. It bends no curve, so it may change between attempts."""

    gpus: float = Field(default=0.0, ge=0)
    """GPUs that an evaluation asks Ray for; without it runs on CPUs, of which it asks for none."""

    retrieval: BesideRetrievalConfig = BesideRetrievalConfig()
    """Retrieval."""

    @model_validator(mode="after")
    def _one_process(self) -> Self:
        if self.workers != 1:
            raise ValueError(
                "evaluation.workers must be 1 beside training, which has the CPUs, "
                f"got {self.workers}; `weakvid evaluate` takes more"
            )
        return self
