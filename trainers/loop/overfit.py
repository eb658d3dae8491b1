"""One batch, learned by heart: the quickest proof that model, losses and optimiser work together.

A model that cannot learn 32 clips is broken, or its learning rate is; no long run is needed to see
that. Nothing is written.
"""

import math
from collections.abc import Callable, Iterator

import torch

from configs.objectives import ObjectivesConfig
from configs.runs import TrainJob
from trainers.data.batch import Batch
from trainers.data.corpus import Corpus
from trainers.data.loader import Loader
from trainers.data.mixture import train_order
from trainers.data.reader import ClipReader, train_texts
from trainers.data.tokenizer import Tokenizer
from trainers.loop.fresh import fresh_model, measure_targets
from trainers.loop.step import TrainStep
from trainers.weights.begin import first_tokenizer, load_first_weights

MAX_STEPS = 200
MARGIN = 0.05
"""How near to its floor the contrastive loss must come."""

_WARMUP_STEPS = 10


def first_batch(job: TrainJob) -> tuple[Batch, Tokenizer]:
    """Return the first micro-batch of a run, and the tokenizer that it would begin with.

    Raises:
        ValueError: If the shards cannot serve the job.
        DamagedSample: If clips cannot be read.
    """
    corpus = Corpus.load(job.data)
    tokenizer = Tokenizer(first_tokenizer(job.model, lambda: train_texts(corpus)))
    bag = job.objectives.mil_nce.candidates, job.model.text.max_words
    reader = ClipReader(
        job.data, corpus, tokenizer, *bag, with_sound="audio" in job.objectives.cyclic.modalities()
    )
    loader = Loader(reader, train_order(job, corpus), job.training.seed, job.data)
    try:
        return next(loader.batches(iter([(0, 0)]), job.training.virtual_ranks)), tokenizer
    finally:
        loader.close()


def floor_of(objectives: ObjectivesConfig, batch: Batch) -> float:
    """Return the least that the contrastive loss can be: log 2 where positives count twice."""
    twice = objectives.mil_nce.positives_in_denominator == "twice"
    if not twice or objectives.contrastive not in ("mil_nce", "nce"):
        return 0.0
    # A clip without a narration costs nothing.
    return math.log(2) * batch.mask_BK.any(dim=1).double().mean().item()


def overfit(
    job: TrainJob, batch: Batch, vocabulary: int, device: torch.device
) -> Iterator[tuple[int, float]]:
    """Train a fresh model on one batch; yield the number of each step and its contrastive loss.

    Learning rate, objectives and towers are the job's. The schedule is squeezed into `MAX_STEPS`.
    """
    training = job.training.model_copy(
        update={
            "steps": MAX_STEPS,
            "warmup_steps": min(job.training.warmup_steps, _WARMUP_STEPS),
            "global_batch": len(batch.rows_B),
            "virtual_ranks": 1,
            "workers": 1,
        }
    )
    job = job.model_copy(update={"training": training})
    torch.set_num_threads(training.torch_threads)
    batch = batch.to(device)
    model = fresh_model(job, vocabulary).to(device)
    load_first_weights(model, job.model)
    measure_targets(model, [batch])
    train_step = TrainStep(job, model)
    for step in range(MAX_STEPS):
        yield step + 1, train_step.run(step, [batch]).mil_nce


def learned(losses: Iterator[tuple[int, float]], floor: float, say: Callable[[str], None]) -> bool:
    """Go through the steps until the loss is near its floor; return whether it came there."""
    for step, loss in losses:
        reached = loss <= floor + MARGIN
        if reached or step == 1 or step % 20 == 0:
            say(f"step {step}: contrastive loss {loss:.3f}, floor {floor:.3f}")
        if reached:
            return True
    return False
