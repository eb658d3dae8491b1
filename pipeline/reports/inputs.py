"""What a report reads from a run folder. Any part may be missing or damaged: it is then empty."""

import json
from dataclasses import dataclass, field

import yaml

from pipeline.reports.text import clean
from shards.paths import AnyPath, StorePath, size_of
from trainers.parts import fold, read_parts

_MAX_JSON_BYTES = 64 * 2**20
_MAX_LOG_BYTES = 2 * 2**30
"""Half a million steps have a log of some 300 MiB."""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run, parsed.

    `training` and `validation` are the lines of metrics.jsonl of that kind, `evaluation` the newest
    line of the verb in evaluations.jsonl, `beside` the lines of checkpoints that were measured
    while training, `lost` what was done again, `workers` what is known of each worker, newest
    last. `problems` says which file could not be read, and why.
    """

    name: str
    config_text: str = ""
    config: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    training: list[dict] = field(default_factory=list)
    validation: list[dict] = field(default_factory=list)
    evaluation: dict = field(default_factory=dict)
    beside: list[dict] = field(default_factory=list)
    attempts: list[dict] = field(default_factory=list)
    lost: list[dict] = field(default_factory=list)
    workers: list[dict] = field(default_factory=list)
    alignment: dict = field(default_factory=dict)
    retrieval: dict = field(default_factory=dict)
    published: dict[str, dict] = field(default_factory=dict)
    grid: dict = field(default_factory=dict)
    fusion: dict = field(default_factory=dict)
    absent: dict = field(default_factory=dict)
    compared: dict = field(default_factory=dict)
    ablation: dict = field(default_factory=dict)
    colearning: dict = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def setting(self, path: str, default: object = None) -> object:
        """Return a setting of the resolved config by its dotted path, else `default`."""
        node: object = self.config
        for part in path.split("."):
            if not isinstance(node, dict) or part not in node:
                return default
            node = node[part]
        return node

    def mixed_in(self) -> list[str]:
        """Return the folders of shards that were trained on beside the first one."""
        mix = self.setting("data.mix", [])
        return [str(folder) for folder in mix] if isinstance(mix, list) else []


def load_run_files(run_dir: AnyPath) -> RunFiles:
    """Read everything of a run that is there."""
    problems: list[str] = []
    config_text = _read_text(run_dir / "config.yaml", problems)
    metrics, lost = _read_metrics(run_dir, problems)
    evaluations = read_jsonl(run_dir / "evaluations.jsonl", problems)
    by_verb = [row for row in evaluations if row.get("by") == "evaluate"]
    evaluation_dir = run_dir / "evaluation"
    return RunFiles(
        name=clean(run_dir.name),
        config_text=config_text,
        config=_parse_yaml(config_text, problems),
        env=_read_object(run_dir / "env.json", problems),
        training=[row for row in metrics if any(key.startswith("train/") for key in row)],
        validation=[row for row in metrics if any(key.startswith("val/") for key in row)],
        evaluation=by_verb[-1] if by_verb else {},
        beside=[row for row in evaluations if row.get("by") == "beside"],
        attempts=read_jsonl(run_dir / "attempts.jsonl", problems),
        lost=lost,
        workers=read_jsonl(run_dir / "workers.jsonl", problems),
        alignment=_read_object(evaluation_dir / "alignment.json", problems),
        retrieval=_read_object(evaluation_dir / "retrieval.json", problems),
        published={
            name: _read_object(evaluation_dir / f"{name}.json", problems)
            for name in ("benchmark", "probe", "steps")
        },
        grid=_read_object(evaluation_dir / "grid.json", problems),
        fusion=_read_object(evaluation_dir / "fusion.json", problems),
        absent=_read_object(evaluation_dir / "absent.json", problems),
        compared=_read_object(run_dir / "fusion" / "summary.json", problems),
        ablation=_read_object(run_dir / "ablation" / "ablation.json", problems),
        colearning=_read_object(run_dir / "colearning" / "colearning.json", problems),
        problems=problems,
    )


def _read_metrics(run_dir: AnyPath, problems: list[str]) -> tuple[list[dict], list[dict]]:
    """Return the lines that count, and those that were done again."""
    metrics = read_jsonl(run_dir / "metrics.jsonl", problems)
    if isinstance(run_dir, StorePath):
        return fold(metrics)
    return metrics, read_jsonl(run_dir / "lost.jsonl", problems)


def read_jsonl(path: AnyPath, problems: list[str]) -> list[dict]:
    """Return the objects of a JSON-lines file; a torn or foreign line is named in `problems`."""
    rows: list[dict] = []
    num_bad = 0
    for line in _read_log(path, problems).split("\n"):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            num_bad += 1
            continue
        if isinstance(row, dict):
            rows.append(row)
    if num_bad:
        problems.append(f"{path.name}: {num_bad} line(s) are not JSON and were left out")
    return rows


def _read_log(path: AnyPath, problems: list[str]) -> str:
    if not isinstance(path, StorePath):
        return _read_text(path, problems, _MAX_LOG_BYTES)
    try:
        return read_parts(path).decode("utf-8", errors="replace")
    except OSError as error:
        problems.append(f"{path.name}: {error.strerror}")
        return ""


def _read_text(path: AnyPath, problems: list[str], limit: int = _MAX_JSON_BYTES) -> str:
    try:
        if not path.is_file():
            return ""
        if size_of(path) > limit:
            problems.append(f"{path.name}: larger than {limit >> 20} MiB, not read")
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        problems.append(f"{path.name}: {error.strerror}")
        return ""


def _read_object(path: AnyPath, problems: list[str]) -> dict:
    text = _read_text(path, problems)
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    problems.append(f"{path.name}: not a JSON object, left out")
    return {}


def _parse_yaml(text: str, problems: list[str]) -> dict:
    if not text:
        return {}
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    problems.append("config.yaml: not a YAML mapping, left out")
    return {}
