"""Everything that a worker needs before its first step: data, model, optimiser, weights."""

import logging
from dataclasses import dataclass

import torch

from configs.runs import TrainJob
from shards.paths import AnyPath, any_path
from trainers.data.corpus import Corpus
from trainers.data.loader import Loader
from trainers.data.mixture import train_order
from trainers.data.reader import ClipReader
from trainers.data.tokenizer import Tokenizer
from trainers.loop import folder
from trainers.loop.best import Best
from trainers.loop.checkpoint import Checkpoint, verify_checkpoint
from trainers.loop.fresh import fresh_model, measure_targets, measured_ranks, num_parameters
from trainers.loop.inhand import RowsInHand
from trainers.loop.prepare import Assignment
from trainers.loop.restore import restore
from trainers.loop.step import TrainStep
from trainers.loop.validate import Validation
from trainers.models.build import VideoTextModel
from trainers.models.determinism import choose_kernels
from trainers.weights.begin import load_first_weights

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one worker trains with."""

    loader: Loader
    model: VideoTextModel
    step: TrainStep
    validation: Validation
    begin: int
    """Finished steps: those of the checkpoint, 0 for a fresh model."""

    best: Best


def assemble(
    assignment: Assignment, worker: int, workers: int, device: torch.device, in_hand: RowsInHand
) -> Parts:
    """Build a worker's parts, with the weights of the assignment's checkpoint.

    Args:
        assignment: What all workers of the attempt are told.
        worker: Number of this one.
        workers: How many there are.
        device: Where it computes.
        in_hand: Notes which samples are being read.

    Raises:
        ValueError: If shards, tokenizer or checkpoint are not those of the assignment.
        DamagedSample: If a clip that a fresh model is measured on cannot be read.
    """
    job = assignment.job
    choose_kernels(job.model.compute, device)
    corpus = Corpus.load(job.data)
    _must_equal("manifest", corpus.sha256, assignment.manifest_sha256)
    tokenizer = Tokenizer((any_path(assignment.run_dir) / folder.TOKENIZER).read_bytes())
    _must_equal("tokenizer", tokenizer.sha256, assignment.tokenizer_sha256)
    reader = ClipReader(
        job.data,
        corpus,
        tokenizer,
        job.objectives.mil_nce.candidates,
        job.model.text.max_words,
        with_sound="audio" in job.objectives.cyclic.modalities(),
    )
    reader.reading = in_hand.reading
    loader = Loader(reader, train_order(job, corpus), job.training.seed, job.data)
    model = fresh_model(job, tokenizer.vocabulary).to(device)
    step = TrainStep(job, model, worker, workers)
    validation = Validation(job, step.objectives, reader, corpus.rows_of_split("val"), step.ranks)
    begin, best = 0, Best(job.checkpoints.best)
    if assignment.checkpoint:
        last, is_fresh = _restore(any_path(assignment.checkpoint), step, loader, corpus.sha256)
        begin, best = last.step, Best(job.checkpoints.best, last.manifest.get("best"))
    else:
        load_first_weights(model, job.model)
        logger.info("a fresh model of %d parameters", num_parameters(model))
        is_fresh = True
    if is_fresh:
        _measure(job, model, loader, begin)
    return Parts(loader, model, step, validation, begin, best)


def _measure(job: TrainJob, model: VideoTextModel, loader: Loader, begin: int) -> None:
    """Let a fresh translator measure its targets on the clips of the step that comes first."""
    device = next(model.parameters()).device
    ranks = measured_ranks(job) if model.translator is not None else range(0)
    batches = loader.batches(((begin, rank) for rank in ranks), job.training.virtual_ranks)
    measure_targets(model, (batch.to(device) for batch in batches))


def _restore(
    path: AnyPath, step: TrainStep, loader: Loader, samples: str
) -> tuple[Checkpoint, bool]:
    """Load weights, optimiser and what is counted.

    Returns:
        The checkpoint, and whether it leaves the translator fresh.
    """
    checkpoint = verify_checkpoint(path)
    state = checkpoint.load()
    is_fresh = restore(step.model, step.optimizer, state)
    step.skips.in_a_row = state.get("skipped_in_a_row", 0)
    # A branch may train on other samples, whose damage is another.
    if state["manifest_sha256"] == samples:
        loader.damage.counted = tuple(state.get("damaged", (0, 0)))
    return checkpoint, is_fresh


def _must_equal(what: str, got: str, wanted: str) -> None:
    if got != wanted:
        raise ValueError(
            f"every worker must read the {what} that the driver read, {wanted}, got {got}; "
            "the run and shard folders must be shared by all machines"
        )
