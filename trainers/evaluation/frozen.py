"""A run at one of its checkpoints: what an evaluation looks through."""

from dataclasses import dataclass

from configs.runs import TrainJob
from shards.paths import AnyPath
from trainers.data.tokenizer import Tokenizer
from trainers.loop import folder
from trainers.loop.manifests import checkpoint_folder
from trainers.loop.run import load_run
from trainers.models.build import VideoTextModel


@dataclass(frozen=True, slots=True)
class Frozen:
    """Settings, weights and vocabulary of a run that is not trained any further here."""

    run_dir: AnyPath
    checkpoint: AnyPath | None
    """Folder of the checkpoint; None: imported weights."""

    job: TrainJob
    model: VideoTextModel
    tokenizer: Tokenizer
    step: int

    @classmethod
    def load(cls, run_dir: AnyPath, checkpoint: AnyPath | None = None) -> "Frozen":
        """Read a run, at its newest whole checkpoint if none is named. Raises as `load_run`."""
        read = load_run(run_dir, checkpoint)
        if checkpoint is None:
            # Named from here on: of a run that is being trained, the newest may soon be another.
            newest = checkpoint_folder(run_dir / folder.CHECKPOINTS, read[-1])
            checkpoint = newest if newest.exists() else None
        return cls(run_dir, checkpoint, *read)
