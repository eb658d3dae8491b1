"""Files of a run folder, and what stands in its checkpoints."""

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from configs.runs import RunConfig, TrainJob
from shards.paths import AnyPath, any_path
from shards.storage import write_atomic

CONFIG = "config.yaml"
ENVIRONMENT = "env.json"
TOKENIZER = "tokenizer.model"
CHECKPOINTS = "checkpoints"
METRICS = "metrics.jsonl"
EVALUATIONS = "evaluations.jsonl"
WORKERS = "workers.jsonl"
TENSORBOARD = "tensorboard"
RAY = "ray"
LOGS = "logs"
HEARTBEATS = "heartbeats"
STOP = "stop"
"""Exists while the driver wants the workers to write a checkpoint and end."""

GROW = "grow"
"""Exists while the driver wants them to end with the next checkpoint that is due."""

_PACKAGES = ("torch", "ray", "numpy", "sentencepiece", "decord", "av", "pyarrow")


def run_folder(config: RunConfig) -> AnyPath:
    """Return the absolute folder of a run: workers have another working directory."""
    return (any_path(config.root) / config.name).absolute()


def write_config(run_dir: AnyPath, job: TrainJob) -> None:
    """Write the resolved settings of the run."""
    text = yaml.safe_dump(job.model_dump(mode="json"), sort_keys=False)
    write_atomic(str(run_dir / CONFIG), text.encode())


def write_environment(run_dir: AnyPath, **more: Any) -> None:
    """Write what the run depends on beside its settings: versions, commit, machine."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    environment = {
        "git": _commit(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": versions,
        **more,
    }
    text = json.dumps(environment, indent=1, sort_keys=True)
    write_atomic(str(run_dir / ENVIRONMENT), text.encode())


def _commit() -> str | None:
    """Return the commit of the source tree, None where it is not one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
