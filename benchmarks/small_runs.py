"""Small runs of the demo preset that differ in one thing: trained and evaluated in this process.

Every run is the demo preset with half of its frames at two thirds of their side, without Ray. A
run that is finished is not done again, so a table of many runs can be had in parts.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
import yaml

from configs.fusion import EvaluationConfig
from configs.runs import EvaluateJob, RunConfig, TrainJob
from shards.storage import write_atomic
from trainers.evaluation.run import evaluate_run
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.worker import train_worker

RESULT = "result.json"
PRESET = Path(__file__).parents[1] / "configs" / "demo" / "train.yaml"


class Named(Protocol):
    """What is compared."""

    @property
    def name(self) -> str: ...


A = TypeVar("A", bound=Named)


def settings(arm: Named, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that all runs share, to be changed by the arm."""
    tree = yaml.safe_load(PRESET.read_text())
    tree["run"] = {"name": f"{arm.name}-seed{seed}", "root": str(options.out)}
    tree["data"] |= {"shards": str(options.shards), "num_frames": 8, "size": 32, "resize": 40}
    tree["training"] |= {
        "steps": options.steps,
        "workers": 1,
        "torch_threads": options.threads,
        "seed": seed,
        "checkpoint_every": 25,
        "validate_every": options.steps,
    }
    return tree


def train(job: TrainJob) -> Path:
    """Train a run to its end, from wherever it stands; return its folder."""
    preparation = prepare(job)
    if newest_step(preparation.run_dir) < job.training.steps:
        train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
    return Path(str(preparation.run_dir))


def evaluate(job: TrainJob, evaluation: EvaluationConfig) -> dict[str, float]:
    """Evaluate a run; return its figures without their prefix."""
    run = RunConfig(name=job.run.name, root=job.run.root)
    figures = evaluate_run(EvaluateJob(run=run, evaluation=evaluation))
    return {key.removeprefix("eval/"): value for key, value in figures.items()}


def results(options: argparse.Namespace, arm: str) -> list[dict[str, Any]]:
    """Return the finished runs of an arm under `options.out`, in order of seed."""
    found = [json.loads(path.read_text()) for path in options.out.glob(f"*/{RESULT}")]
    return sorted((one for one in found if one["arm"] == arm), key=lambda one: one["seed"])


def undone(arms: Sequence[A], options: argparse.Namespace) -> Iterator[tuple[A, int]]:
    """Yield arms and seeds, seed by seed: what is there of a stopped table is balanced."""
    for seed in range(options.seeds):
        for arm in arms:
            name = f"{arm.name}-seed{seed}"
            if options.only in ("", name) and not (options.out / name / RESULT).exists():
                yield arm, seed


def write_json(path: Path, value: Any) -> None:
    """Write a file whole."""
    write_atomic(str(path), (json.dumps(value, indent=1) + "\n").encode())


def parse(doc: str, words: Sequence[str], steps: int) -> argparse.Namespace:
    """Read the command line; `doc` describes the program, `steps` are a run's by default."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--shards", type=Path, default=Path("data/demo/shards"))
    parser.add_argument("--videos", type=Path, default=Path("data/demo/videos"))
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="one run, such as k5-seed0")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no run after so many")
    return parser.parse_args(words)


def run_all(
    arms: Sequence[A],
    options: argparse.Namespace,
    run_one: Callable[[A, int], None],
    clock: Callable[[], float],
) -> None:
    """Do what is not done yet, in the time that `options.seconds` allows."""
    began = clock()
    for arm, seed in undone(arms, options):
        if clock() - began < options.seconds:
            run_one(arm, seed)
