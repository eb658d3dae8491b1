"""A run that begins with a checkpoint of another: `--from RUN@STEP`.

It is a run of its own from there on: with its own settings, shards, log and attempts. What it
inherits is the weights, the optimiser, the tokenizer and the number of finished steps, so its order
and its learning rate go on at that step. Where it has a cyclic objective and the other had none,
the translator is fresh from the seed, and measures its targets on the towers as they are by then.
"""

import logging
import shutil
from collections.abc import Mapping
from typing import IO, NamedTuple, cast

import torch
from torch import Tensor

from configs.runs import TrainJob
from shards.paths import AnyPath, any_path
from shards.storage import open_read, write_atomic
from trainers.data.tokenizer import Tokenizer
from trainers.loop import folder
from trainers.loop.best import BEST, find_checkpoint
from trainers.loop.checkpoint import (
    STATE,
    Checkpoint,
    finish_checkpoint,
    sealing,
    verify_checkpoint,
    work_folder,
)
from trainers.loop.drift import changes
from trainers.loop.fresh import TRANSLATOR, has_translator, model_of
from trainers.loop.manifests import checkpoint_folder, list_checkpoints, step_of

logger = logging.getLogger(__name__)


class Source(NamedTuple):
    """What a run begins with, as it lies in the other run's folder."""

    checkpoint: Checkpoint
    tokenizer: bytes


def find_source(job: TrainJob) -> Source:
    """Return the checkpoint and the tokenizer of `checkpoints.branch`, checked.

    Raises:
        ValueError: If there is no such checkpoint, it is damaged, or its weights do not fit the
            model of the job.
        FileNotFoundError: If it has no tokenizer beside it.
    """
    name, _, step = job.checkpoints.branch.partition("@")
    source_dir = any_path(job.run.root) / name
    root = source_dir / folder.CHECKPOINTS
    path = find_checkpoint(root, BEST) if step == BEST else checkpoint_folder(root, int(step))
    if not path.is_dir():
        raise ValueError(
            f"--from must name a checkpoint that exists, got {job.checkpoints.branch}; there are "
            f"{_kept(source_dir)}"
        )
    source = verify_checkpoint(path)
    model = (source_dir / folder.TOKENIZER).read_bytes()
    tokenizer = Tokenizer(model)
    if tokenizer.sha256 != source.manifest["tokenizer_sha256"]:
        raise ValueError(f"{source_dir / folder.TOKENIZER} must be that of {path}, got another")
    _refuse_other_weights(source, job, tokenizer.vocabulary)
    return Source(source, model)


def begin_branch(source: Source, job: TrainJob, run_dir: AnyPath, manifest_sha256: str) -> None:
    """Copy what a run begins with into its own folder."""
    run_dir.mkdir(parents=True, exist_ok=True)
    write_atomic(str(run_dir / folder.TOKENIZER), source.tokenizer)
    begun = _copy(source.checkpoint, job, run_dir / folder.CHECKPOINTS, manifest_sha256)
    logger.info("the run begins at step %d of %s", begun.step, job.checkpoints.branch)


def _copy(source: Checkpoint, job: TrainJob, root: AnyPath, manifest_sha256: str) -> Checkpoint:
    state, temporary = source.file(STATE), work_folder(root, 0, source.step)
    with open_read(str(state)) as read, sealing(temporary / STATE) as (file, sealed):
        shutil.copyfileobj(read, cast(IO[bytes], file))
    if sealed != source.manifest["files"][STATE]:
        raise ValueError(f"{state} was altered while it was copied; try again")
    about = {
        "step": source.step,
        "attempt": 0,
        "manifest_sha256": manifest_sha256,
        "tokenizer_sha256": source.manifest["tokenizer_sha256"],
        "branch": job.checkpoints.branch,
    }
    settings = job.model_dump(mode="json")
    return finish_checkpoint(root, temporary, about, settings, sealed, lambda: None)


def _refuse_other_weights(source: Checkpoint, job: TrainJob, vocabulary: int) -> None:
    with torch.device("meta"):
        model = model_of(job, vocabulary)
    saved, wanted = source.load("meta")["model"], model.state_dict()
    if not has_translator(saved):
        # A new objective begins with fresh weights, when the first worker does (`assemble`).
        wanted = {name: t for name, t in wanted.items() if not name.startswith(TRANSLATOR)}
    differing = changes(_shapes(saved), _shapes(wanted))
    if differing:
        more = f"\n  and {len(differing) - 5} more" if len(differing) > 5 else ""
        raise ValueError(
            f"run {job.run.name!r} must have the weights of {job.checkpoints.branch}; give the "
            "model's settings as they were, got other shapes\n  "
            + "\n  ".join(differing[:5])
            + more
        )


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _kept(source_dir: AnyPath) -> str:
    paths = list_checkpoints(source_dir / folder.CHECKPOINTS)
    steps = [str(step_of(path)) for path in paths]
    return f"steps {', '.join(steps)}" if steps else f"none in {source_dir}"
