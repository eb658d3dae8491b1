"""A trained run, read back: what evaluation starts from."""

import yaml

from configs.runs import TrainJob
from shards.paths import AnyPath
from trainers.data.tokenizer import Tokenizer
from trainers.loop import folder
from trainers.loop.checkpoint import newest_checkpoint, verify_checkpoint
from trainers.loop.fresh import has_translator, model_of
from trainers.models.build import VideoTextModel, build_model
from trainers.weights.begin import WEIGHTS, load_first_weights


def load_run(
    run_dir: AnyPath, checkpoint: AnyPath | None = None
) -> tuple[TrainJob, VideoTextModel, Tokenizer, int]:
    """Return settings, model in eval mode, tokenizer and step of a checkpoint.

    A folder that `weakvid weights import` made has no checkpoint: it stands at step 0.

    Args:
        run_dir: Folder of the run.
        checkpoint: Folder of the checkpoint; None takes the newest whole one.

    Raises:
        ValueError: If the run has no checkpoint, the one that is asked for is damaged, or its
            tokenizer is not the one it was trained with.
        RuntimeError: If every checkpoint is damaged.
    """
    if checkpoint is not None:
        last = verify_checkpoint(checkpoint)
    else:
        last = newest_checkpoint(run_dir / folder.CHECKPOINTS)
    if last is None and (run_dir / WEIGHTS).exists():
        return _imported(run_dir)
    if last is None:
        raise ValueError(
            f"{run_dir} must hold a checkpoint, got none; `weakvid train --run.name "
            f"{run_dir.name}` writes one"
        )
    path = run_dir / folder.TOKENIZER
    if not path.exists():
        raise ValueError(f"{path} must exist beside the checkpoints, got none")
    tokenizer = Tokenizer(path.read_bytes())
    if tokenizer.sha256 != last.manifest["tokenizer_sha256"]:
        raise ValueError(f"{path} must be the tokenizer of {last.path}, got another")
    job = TrainJob.model_validate(last.job())
    state = last.load()["model"]
    model = model_of(job, tokenizer.vocabulary)
    if not has_translator(state):
        # A branch that got a new objective, before its first own checkpoint.
        model.translator = None
    model.load_state_dict(state)
    return job, model.eval(), tokenizer, last.step


def _imported(run_dir: AnyPath) -> tuple[TrainJob, VideoTextModel, Tokenizer, int]:
    job = TrainJob.model_validate(yaml.safe_load((run_dir / folder.CONFIG).read_text()))
    tokenizer = Tokenizer((run_dir / folder.TOKENIZER).read_bytes())
    model = build_model(job.model, tokenizer.vocabulary, with_translator=False)
    load_first_weights(model, job.model.model_copy(update={"weights": str(run_dir)}))
    return job, model.eval(), tokenizer, 0
