"""The paper's ablation where the truth is known: losses and bag sizes, several seeds, one budget.

    weakvid demo-corpus && weakvid shards                 the demo's videos and shards
    python -m benchmarks.ablation runs/ablation           some 10 minutes on a core
    python -m benchmarks.ablation runs/ablation --only k5-seed0     one of its runs

Every run is the demo preset with half of its frames at two thirds of their side and without the
cyclic loss, in this process and without Ray; only the arm and the seed differ. A run that is
finished is not done again. OUT/ablation.json holds the figures of all, as the report shows them:
see pipeline/reports/ablation.py.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import yaml

from configs.fusion import EvaluationConfig, RetrievalConfig
from configs.runs import EvaluateJob, RunConfig, TrainJob
from shards.storage import write_atomic
from trainers.evaluation.run import evaluate_run
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.worker import train_worker

RESULT, SUMMARY = "result.json", "ablation.json"
PRESET = Path(__file__).parents[1] / "configs" / "demo" / "train.yaml"


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
    tree = yaml.safe_load(PRESET.read_text())
    tree["run"] = {"name": f"{arm.name}-seed{seed}", "root": str(options.out)}
    tree["data"] |= {"shards": str(options.shards), "num_frames": 8, "size": 32, "resize": 40}
    tree["objectives"]["contrastive"] = arm.contrastive
    tree["objectives"]["mil_nce"]["candidates"] = arm.candidates
    tree["objectives"]["cyclic"] = {"weight": 0.0}
    tree["training"] |= {
        "steps": options.steps,
        "workers": 1,
        "torch_threads": options.threads,
        "seed": seed,
        "checkpoint_every": 25,
        "validate_every": options.steps,
    }
    return TrainJob.model_validate(tree)


def run_one(arm: Arm, seed: int, options: argparse.Namespace) -> None:
    """Train and evaluate one run, and write its figures into its folder."""
    job = job_of(arm, seed, options)
    began = time.monotonic()
    preparation = prepare(job)
    if newest_step(preparation.run_dir) < job.training.steps:
        train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
    truth = options.videos / "truth"
    evaluation = EvaluationConfig(
        cues=str(truth / "cues.jsonl"),
        retrieval=RetrievalConfig(queries=str(truth / "steps.jsonl")),
    )
    run = RunConfig(name=job.run.name, root=job.run.root)
    figures = evaluate_run(EvaluateJob(run=run, evaluation=evaluation))
    found = {key.removeprefix("eval/"): value for key, value in figures.items()}
    result = {"arm": arm.name, "seed": seed, "seconds": time.monotonic() - began, "figures": found}
    write_json(preparation.run_dir / RESULT, result)


def summary(options: argparse.Namespace) -> dict[str, Any]:
    """Return all results under `options.out`, by arm."""
    results = [json.loads(path.read_text()) for path in sorted(options.out.glob(f"*/{RESULT}"))]
    return {
        "steps": options.steps,
        "arms": [
            {
                "name": arm.name,
                "label": arm.label,
                "runs": [result for result in results if result["arm"] == arm.name],
            }
            for arm in ARMS
        ],
    }


def runs_of(options: argparse.Namespace) -> Iterator[tuple[Arm, int]]:
    """Yield arms and seeds, seed by seed: what is there of a stopped ablation is balanced."""
    for seed in range(options.seeds):
        for arm in ARMS:
            if options.only in ("", f"{arm.name}-seed{seed}"):
                yield arm, seed


def write_json(path: Path, value: Any) -> None:
    """Write a file whole."""
    write_atomic(str(path), (json.dumps(value, indent=1) + "\n").encode())


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--shards", type=Path, default=Path("data/demo/shards"))
    parser.add_argument("--videos", type=Path, default=Path("data/demo/videos"))
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="one run, such as k5-seed0")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no run after so many")
    return parser.parse_args(words)


def main() -> None:
    """Do what is not done yet, and sum up what is."""
    options = parse(sys.argv[1:])
    began = time.monotonic()
    for arm, seed in runs_of(options):
        done = (options.out / f"{arm.name}-seed{seed}" / RESULT).exists()
        if not done and time.monotonic() - began < options.seconds:
            run_one(arm, seed, options)
    write_json(options.out / SUMMARY, summary(options))


if __name__ == "__main__":
    main()
