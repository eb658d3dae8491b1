"""A run's encoders for use elsewhere: one function, which reads a run and needs no shards."""

from pathlib import Path

from shards.paths import AnyPath, any_path
from trainers.evaluation.encoders import Encoders
from trainers.evaluation.frozen import Frozen
from trainers.loop import folder
from trainers.loop.best import find_checkpoint


def load_encoders(run: str | Path | AnyPath, checkpoint: str = "") -> Encoders:
    """Return the frozen encoders of a run, on the GPU where there is one.

        encoders = load_encoders("runs/demo")
        clip = encoders.clips(encoders.prepare(frames_THWC)[None])
        text = encoders.texts(["pour the milk"])
        likeness = clip.embedding_BD @ text.embedding_ND.T

    Args:
        run: Folder of the run, on this machine or in a bucket: `runs/NAME`, `s3://bucket/NAME`.
        checkpoint: Its step, `best`, or empty for the newest whole one. Imported weights have none.

    Raises:
        ValueError: If there is no such run or checkpoint, or it is damaged.
        RuntimeError: If every checkpoint is damaged.
    """
    run_dir = any_path(str(run))
    chosen = find_checkpoint(run_dir / folder.CHECKPOINTS, checkpoint) if checkpoint else None
    frozen = Frozen.load(run_dir, chosen)
    return Encoders(frozen.job, frozen.model, frozen.tokenizer)
