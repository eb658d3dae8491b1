"""One evaluation of a run: what is measured, and the files that it leaves in the run's folder."""

import logging

from configs.fusion import EvaluationConfig
from configs.runs import EvaluateJob
from shards.paths import AnyPath
from trainers.data.corpus import Corpus
from trainers.evaluation.benchmark import measure_benchmark
from trainers.evaluation.crosstask import measure_steps
from trainers.evaluation.found import Found
from trainers.evaluation.frozen import Frozen
from trainers.evaluation.measure import measure
from trainers.evaluation.probe import measure_probe
from trainers.evaluation.record import FOLDER, append_line, write_features, write_json
from trainers.evaluation.team import Team
from trainers.loop import folder
from trainers.loop.best import find_checkpoint
from trainers.loop.checkpoint import newest_checkpoint

OWN_FILES = ("retrieval", "grid", "alignment", "fusion", "absent", "labels")
"""What is written of the run's own shards."""

logger = logging.getLogger(__name__)


def evaluate_run(job: EvaluateJob) -> dict[str, float]:
    """Evaluate a checkpoint of a run, by default the newest; return the figures of its log line.

    Writes a JSON file for each part and `features_SPLIT.npz` under `runs/NAME/evaluation`, and a
    line to evaluations.jsonl. What was not measured has a `skipped` with the reason in its file.
    With more than one of `evaluation.workers` Ray must have been started.

    Raises:
        ValueError: If the run has no such checkpoint, a truth file or listing is wrong, or a split
            that is needed is empty.
    """
    config, run_dir = job.evaluation, folder.run_folder(job.run)
    root = run_dir / folder.CHECKPOINTS
    frozen = Frozen.load(run_dir, find_checkpoint(root, job.checkpoint) if job.checkpoint else None)
    team = Team(frozen, config)
    out = run_dir / FOLDER
    found = measure_published(config, team)
    out.mkdir(exist_ok=True)
    if config.own_shards:
        corpus = Corpus.load(frozen.job.data)
        _warn_of_other_shards(run_dir, corpus)
        own, clips, features = measure(config, corpus, team, frozen.step)
        found |= own
        write_features(out, clips, features)
    else:
        reason = {"skipped": "evaluation.own_shards is false"}
        found |= Found({}, {name: dict(reason) for name in OWN_FILES})
    for name, value in found.files.items():
        write_json(out / f"{name}.json", value)
    append_line(run_dir / folder.EVALUATIONS, "evaluate", frozen.step, found.figures)
    return found.figures


def evaluate_checkpoint(
    config: EvaluationConfig, run_dir: AnyPath, checkpoint: AnyPath
) -> tuple[int, dict[str, float]]:
    """Return step and figures of one checkpoint; writes nothing. Raises as `evaluate_run` does."""
    frozen = Frozen.load(run_dir, checkpoint)
    team = Team(frozen, config)
    found = measure_published(config, team)
    if config.own_shards:
        own, *_ = measure(config, Corpus.load(frozen.job.data), team, frozen.step)
        found |= own
    return frozen.step, found.figures


def measure_published(config: EvaluationConfig, team: Team) -> Found:
    """Measure by published protocols, where settings name their listings."""
    found = Found({}, {})
    benchmark, probe, steps = config.benchmark, config.probe, config.steps
    for setting, given, measured in (
        ("benchmark.listing", benchmark.listing, lambda: measure_benchmark(benchmark, team)),
        ("probe.listing", probe.listing, lambda: measure_probe(probe, team)),
        ("steps.tasks", steps.tasks, lambda: measure_steps(steps, team)),
    ):
        name = setting.partition(".")[0]
        skipped = Found({}, {name: {"skipped": f"evaluation.{setting} is empty"}})
        found |= measured() if given else skipped
    return found


def _warn_of_other_shards(run_dir: AnyPath, corpus: Corpus) -> None:
    last = newest_checkpoint(run_dir / folder.CHECKPOINTS)
    trained_on = last.manifest.get("manifest_sha256") if last else None
    if trained_on not in (None, corpus.sha256):
        logger.warning(
            "%s is not what the run was trained on: if its split shares changed, clips that are "
            "held out now may have been trained on",
            ", ".join(manifest.out for manifest in corpus.manifests),
        )
