"""`weakvid train --overfit-one-batch`: can the model learn one batch by heart?"""

import time

from configs.runs import TrainJob
from pipeline.console import say
from pipeline.stages.train import plan_text
from trainers.loop.local import local_device
from trainers.loop.overfit import MARGIN, MAX_STEPS, first_batch, floor_of, learned, overfit

__all__ = ["plan_text", "run"]


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
