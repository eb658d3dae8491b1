"""Does translation help where a modality is missing? MIL-NCE alone, cyclic alone, both, one budget.

    weakvid demo-corpus && weakvid shards                  the demo's videos and shards
    python -m benchmarks.colearning runs/demo/colearning   some 40 minutes on a core
    python -m benchmarks.colearning runs/demo/colearning --only both-seed0     one of its runs

Every run is one of benchmarks/small_runs.py; only the arm and the seed differ. Beside the demo's
label, of which each modality knows one bit, three labels are read from the true steps: the verb,
the colour and the shape of what is shown, which clip and narration both tell of. The figures of
all, as the report shows them, are in OUT/colearning.json: see pipeline/reports/colearning.py.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

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
from configs.fusion import EvaluationConfig, FusionConfig, RetrievalConfig
from configs.runs import TrainJob
from shards.manifest import Manifest
from trainers.evaluation.absent import measure_absence, with_joint
from trainers.evaluation.clips import list_clips
from trainers.evaluation.embed import MODALITIES
from trainers.evaluation.selection import FusionTask, select
from trainers.fusion.table import Labelled

SUMMARY = "colearning.json"
SHOWN = {"verb": 0, "colour": 2, "shape": 3}
"""Places of words in a true step, such as `bounce the red disk`."""

Group = Literal["objectives", "windows", "remedies"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What is compared: weights of the objectives, and settings of the cyclic one."""

    name: str
    label: str
    groups: tuple[Group, ...]
    mil_nce: float = 1.0
    cyclic: Mapping[str, Any] = field(default_factory=dict)


BOTH: dict[str, Any] = {
    "weight": 1.0,
    "directions": ["video->words"],
    "target_window": "most_similar",
}

ARMS = (
    Arm("mil_nce", "MIL-NCE alone", ("objectives", "remedies"), cyclic={"weight": 0.0}),
    Arm("both", "both", ("objectives", "windows", "remedies"), cyclic=BOTH),
    Arm("cyclic", "cyclic alone", ("objectives",), 0.0, BOTH | {"target_window": "nearest"}),
    Arm(
        "two_way", "both, words to video too", ("remedies",),
        cyclic=BOTH | {"directions": ["video->words", "words->video"]},
    ),
    Arm(
        "soft", "both, soft weights", ("windows", "remedies"),
        cyclic=BOTH | {"target_window": "soft"},
    ),
    Arm(
        "nearest", "both, nearest window", ("windows",),
        cyclic=BOTH | {"target_window": "nearest"},
    ),
    Arm("light", "both, a tenth of the weight", ("remedies",), cyclic=BOTH | {"weight": 0.1}),
)  # fmt: skip


def job_of(arm: Arm, seed: int, options: argparse.Namespace) -> TrainJob:
    """Return the settings of one run."""
    tree = settings(arm, seed, options)
    tree["objectives"]["mil_nce"]["weight"] = arm.mil_nce
    tree["objectives"]["cyclic"] = dict(arm.cyclic)
    return TrainJob.model_validate(tree)


def run_one(arm: Arm, seed: int, options: argparse.Namespace) -> None:
    """Train and evaluate one run, and write its figures into its folder."""
    job = job_of(arm, seed, options)
    began = time.monotonic()
    folder = train(job)
    trained = time.monotonic() - began
    truth = options.videos / "truth"
    found = evaluate(
        job,
        EvaluationConfig(
            cues=str(truth / "cues.jsonl"),
            retrieval=RetrievalConfig(queries=str(truth / "steps.jsonl")),
            fusion=FusionConfig(labels=str(truth / "steps.jsonl")),
        ),
    )
    found |= shown_figures(folder, options) | last_validation(folder)
    result = {
        "arm": arm.name, "seed": seed, "train_seconds": trained,
        "seconds": time.monotonic() - began, "figures": found,
    }  # fmt: skip
    write_json(folder / RESULT, result)


def shown_figures(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Return accuracies of verb, colour and shape, and their means as `shown_...`."""
    found: dict[str, float] = {}
    for word, place in SHOWN.items():
        task = shown_task(word, place, options)
        for joint in (False, True):
            splits = {
                split: Labelled(features_of(folder, split, task, joint=joint), task.labels[split])
                for split in task.clips
            }
            if not splits["train"].features:
                continue
            prefix = f"{word}_joint" if joint else word
            for name, forewarned in ((prefix, False), (f"{prefix}_forewarned", True)):
                absence = measure_absence(
                    FusionConfig(), splits, len(task.classes), forewarned=forewarned
                )
                found |= absence.figures(name)
    first = next(iter(SHOWN))
    kinds = [key.removeprefix(first) for key in found if key.startswith(first)]
    means = {f"shown{k}": float(np.mean([found[f"{word}{k}"] for word in SHOWN])) for k in kinds}
    return found | means


def shown_task(word: str, place: int, options: argparse.Namespace) -> FusionTask:
    """Return the clips of each split, labelled with one word of the step that they show."""
    path = options.out / f"labels-{word}.jsonl"
    rows = map(json.loads, (options.videos / "truth" / "steps.jsonl").read_text().splitlines())
    spans = [
        {key: row[key] for key in ("video_id", "start_s", "end_s")}
        | {"label": row["sentence"].split()[place]}
        for row in rows
    ]
    path.write_text("".join(f"{json.dumps(span)}\n" for span in spans))
    config = EvaluationConfig(fusion=FusionConfig(labels=str(path)))
    task = select(config, list_clips(Manifest.load(str(options.shards)))).fusion
    assert task is not None
    return task


def features_of(
    folder: Path, split: str, task: FusionTask, *, joint: bool
) -> dict[str, np.ndarray]:
    """Return what the evaluation kept of a split's clips, in the order of the task.

    Args:
        folder: Folder of the run.
        split: Split.
        task: Its clips.
        joint: With each source's joint features after its own; nothing where the run has none.
    """
    kept = dict(np.load(folder / "evaluation" / f"features_{split}.npz", allow_pickle=False))
    row_of = {str(key): row for row, key in enumerate(kept["keys"])}
    rows = [row_of[clip.key] for clip in task.clips[split]]
    own = {name: kept[name][rows] for name in MODALITIES}
    if not joint:
        return own
    more = {name: kept[f"joint_{name}"][rows] for name in own if f"joint_{name}" in kept}
    return with_joint(own, more) if more else {}


def last_validation(folder: Path) -> dict[str, float]:
    """Return how far the translation into words is from them, where the run translates."""
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    last = [line for line in lines if "val/cyclic_relative_error" in line][-1:]
    name = "val/cyclic_relative_error"
    errors = [line.get(f"{name}_video_to_words", line[name]) for line in last]
    return {"relative_error": errors[0]} if errors else {}


def summary(options: argparse.Namespace) -> dict[str, Any]:
    """Return all results under `options.out`, by arm."""
    return {
        "steps": options.steps,
        "arms": [
            {
                "name": arm.name,
                "label": arm.label,
                "groups": list(arm.groups),
                "target_window": arm.cyclic.get("target_window"),
                "runs": results(options, arm.name),
            }
            for arm in ARMS
        ],
    }


def main() -> None:
    """Do what is not done yet, and sum up what is."""
    options = parse(__doc__, sys.argv[1:], 400)
    run_all(ARMS, options, lambda arm, seed: run_one(arm, seed, options), time.monotonic)
    write_json(options.out / SUMMARY, summary(options))


if __name__ == "__main__":
    main()
