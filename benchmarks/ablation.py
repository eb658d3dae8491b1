"""The paper's ablation where the truth is known: losses and bag sizes, several seeds, one budget.

    weakvid demo-corpus && weakvid shards                 the demo's videos and shards
    python -m benchmarks.ablation runs/ablation           some 10 minutes on a core
    python -m benchmarks.ablation runs/ablation --only k5-seed0     one of its runs

Every run is one of benchmarks/small_runs.py without the cyclic loss; only the arm and the seed
differ. A run that is finished is not done again. OUT/ablation.json holds the figures of all, as the
report shows them: see pipeline/reports/ablation.py.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.small_runs import (
    RESULT,
    evaluate,
    parse,
    results,
    run_all,
    settings,
    train,
    write_json,
)
from configs.fusion import EvaluationConfig, RetrievalConfig
from configs.runs import TrainJob

SUMMARY = "ablation.json"


@dataclass(frozen=True, slots=True)
class Arm:
    """What is compared: a loss and the size of its bag."""

    name: str
    label: str
    contrastive: Literal["mil_nce", "nce", "max_margin", "info_nce"]
    candidates: int


ARMS = (
    Arm("k1", "NCE (K = 1)", "nce", 1),
    Arm("k3", "MIL-NCE, K = 3", "mil_nce", 3),
    Arm("k5", "MIL-NCE, K = 5", "mil_nce", 5),
    Arm("margin", "max-margin", "max_margin", 1),
)


def job_of(arm: Arm, seed: int, options: argparse.Namespace) -> TrainJob:
    """Return the settings of one run."""
    tree = settings(arm, seed, options)
    tree["objectives"]["contrastive"] = arm.contrastive
    tree["objectives"]["mil_nce"]["candidates"] = arm.candidates
    tree["objectives"]["cyclic"] = {"weight": 0.0}
    return TrainJob.model_validate(tree)


def run_one(arm: Arm, seed: int, options: argparse.Namespace) -> None:
    """Train and evaluate one run, and write its figures into its folder."""
    job = job_of(arm, seed, options)
    began = time.monotonic()
    folder = train(job)
    truth = options.videos / "truth"
    found = evaluate(
        job,
        EvaluationConfig(
            cues=str(truth / "cues.jsonl"),
            retrieval=RetrievalConfig(queries=str(truth / "steps.jsonl")),
        ),
    )
    result = {"arm": arm.name, "seed": seed, "seconds": time.monotonic() - began, "figures": found}
    write_json(folder / RESULT, result)


def summary(options: argparse.Namespace) -> dict[str, Any]:
    """Return all results under `options.out`, by arm."""
    return {
        "steps": options.steps,
        "arms": [
            {"name": arm.name, "label": arm.label, "runs": results(options, arm.name)}
            for arm in ARMS
        ],
    }


def main() -> None:
    """Do what is not done yet, and sum up what is."""
    options = parse(__doc__, sys.argv[1:], 500)
    run_all(ARMS, options, lambda arm, seed: run_one(arm, seed, options), time.monotonic)
    write_json(options.out / SUMMARY, summary(options))


if __name__ == "__main__":
    main()
