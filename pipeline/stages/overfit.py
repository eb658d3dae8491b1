"""`weakvid train --overfit-one-batch`: can the model learn one batch by heart?"""

import time

from configs.runs import TrainJob
from pipeline.console import say
from trainers.data.corpus import Corpus
from trainers.data.mixture import train_order
from trainers.loop.estimate import describe_estimate, estimate
from trainers.loop.local import local_device
from trainers.loop.overfit import MARGIN, MAX_STEPS, first_batch, floor_of, learned, overfit


def run(job: TrainJob) -> int:
    """Train on one micro-batch in this process, write nothing, and return the exit code.

    Returns:
        0 when the loss came within `MARGIN` of its floor in `MAX_STEPS` steps, else 1.

    Raises:
        ValueError: If the shards cannot serve the job.
        DamagedSample: If clips cannot be read.
        NonFiniteLoss: If there is no number too often.
    """
    began_s = time.monotonic()
    batch, tokenizer = first_batch(job)
    say(f"one batch of {len(batch.rows_B)} clips, at most {MAX_STEPS} steps, nothing is written")
    floor = floor_of(job.objectives, batch)
    losses = overfit(job, batch, tokenizer.vocabulary, local_device())
    reached = learned(losses, floor, say)
    verdict = "learned by heart" if reached else f"not within {MARGIN} of the floor"
    say(f"{verdict} after {time.monotonic() - began_s:.0f} s")
    return 0 if reached else 1


def plan_text(job: TrainJob) -> str:
    """Return what `run` would do; a run of the same name does not matter.

    Raises:
        ValueError: If the shards cannot serve the job.
    """
    order = train_order(job, Corpus.load(job.data))
    clips = job.training.global_batch // job.training.virtual_ranks
    return "\n".join(
        [
            f"samples    {clips} of {order.num_samples} train, the first micro-batch",
            f"steps      at most {MAX_STEPS}, in this process; nothing is written",
            *describe_estimate(estimate(job)),
        ]
    )
