"""A run at one of its checkpoints: what an evaluation looks through."""

from dataclasses import dataclass
from pathlib import Path

from configs.runs import TrainJob
from trainers.data.tokenizer import Tokenizer
from trainers.loop.run import load_run
from trainers.models.build import VideoTextModel


@dataclass(frozen=True, slots=True)
class Frozen:
    """Settings, weights and vocabulary of a run that is not trained any further here."""

    run_dir: Path
    checkpoint: Path | None
    """Folder of the checkpoint; None: the newest whole one, or imported weights."""

    job: TrainJob
    model: VideoTextModel
    tokenizer: Tokenizer
    step: int

    @classmethod
    def load(cls, run_dir: Path, checkpoint: Path | None = None) -> "Frozen":
        """Read a run; raises as `load_run` does."""
        return cls(run_dir, checkpoint, *load_run(run_dir, checkpoint))
