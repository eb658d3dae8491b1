"""The search: draw architectures, train them, note what they are worth, and again.

The jobs of a step begin with the same shared weights and leave theirs in the order they were drawn,
so one process and many find the same. A search of the same data, settings and seed whose log is
there goes on from it, and draws what it would have drawn.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from trainers.fusion.mfas.draws import draw_evenly, draw_progressively, num_steps
from trainers.fusion.mfas.jobs import Bank, Job, Map, Rows, Trainer, one_by_one
from trainers.fusion.mfas.trace import Step, Trace

_SETTINGS_OF_SEARCH = {"networks", "architecture", "finalists", "final_hidden_dim", "tune"}


def search(
    trainer: Trainer,
    seed: int,
    folder: Path | None = None,
    jobs: Map = one_by_one,
    most_steps: int | None = None,
) -> Trace:
    """Search, and return all that was tried.

    Args:
        trainer: Trains an architecture on cached layers.
        seed: Of draws, fresh weights and batches.
        folder: Gets the log; a log that is there is gone on with.
        jobs: Does the jobs of a step, here or elsewhere.
        most_steps: Stops before the step of this number, to be gone on with later.

    Raises:
        ValueError: The log in `folder` is of other data, settings or seed.
    """
    space, config = trainer.space, trainer.config
    draw = draw_progressively if config.search == "progressive" else draw_evenly
    trace = Trace.open(folder, _made_from(trainer, seed))
    while len(trace.steps) < min(num_steps(config), most_steps or num_steps(config)):
        drawn, guesses = draw(space, config, trace, seed)
        first = trace.num_trained
        todo = [Job(one, _seed(seed, first + i), trace.bank) for i, one in enumerate(drawn)]
        trained = jobs(trainer, todo)
        left: Bank = {}
        for one in trained:
            left |= one.bank
        trace.add(Step(drawn, [one.worth for one in trained], guesses), left)
    return trace


def rank_correlations(trace: Trace) -> list[float]:
    """Return Spearman's correlation of guessed and measured worth, for each step that guessed.

    0 where all were guessed, or measured, to be worth the same.
    """
    found = []
    for step in trace.steps:
        if len(step.guesses) > 1:
            flat = min(np.ptp(step.guesses), np.ptp(step.worths)) == 0
            found.append(0.0 if flat else float(spearmanr(step.guesses, step.worths).statistic))
    return found


def _seed(seed: int, job: int) -> int:
    return int(np.random.SeedSequence([seed, job]).generate_state(1)[0])


def _made_from(trainer: Trainer, seed: int) -> str:
    settings = trainer.config.model_dump(mode="json", exclude=_SETTINGS_OF_SEARCH)
    digest = hashlib.sha256(json.dumps([settings, seed, trainer.num_outputs]).encode())
    for rows in (trainer.train, trainer.val):
        for name, layer in _named(rows).items():
            digest.update(f"{name}{tuple(layer.shape)}".encode())
            digest.update(layer.tobytes())
    return digest.hexdigest()


def _named(rows: Rows) -> dict[str, np.ndarray]:
    return {"": rows.label_K.numpy(), **{k: x.numpy() for k, x in rows.layers.items()}}
