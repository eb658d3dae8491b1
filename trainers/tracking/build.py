"""The trackers that the settings name."""

import importlib.util
import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from configs.runs import TrainJob
from configs.tracking import TrackingConfig
from shards.paths import AnyPath
from shards.storage import write_atomic
from trainers.tracking.follow import Follower
from trainers.tracking.mlflow_run import MlflowRun
from trainers.tracking.wandb_run import WandbRun

IDENTITY = "tracked-as"
"""File of the run's folder: under which id trackers know it."""


def refuse_missing_extras(config: TrackingConfig) -> None:
    """Do nothing where the trackers that are asked for are installed.

    Raises:
        ValueError: If one is not, with what to type.
    """
    for setting, asked, package in (
        ("tracking.wandb", config.wandb != "off", "wandb"),
        ("tracking.mlflow", bool(config.mlflow), "mlflow"),
    ):
        if asked and importlib.util.find_spec(package) is None:
            raise ValueError(
                f"{setting} must be left off where {package} is not installed, got it on; "
                f"`pip install 'weakvid[{package}]'` installs it"
            )


def begin_trackers(job: TrainJob, logs: Sequence[AnyPath], folder: Path) -> list[Follower]:
    """Follow a run's logs for each tracker asked for. Reaching them is left to threads.

    Args:
        job: Settings of the run.
        logs: Its logs, in its folder.
        folder: Of this machine, for files that a tracker writes.
    """
    config, run_dir = job.tracking, logs[0].parent
    followers = []
    if config.wandb != "off":
        target = f"{config.wandb}:{config.wandb_entity}/{config.wandb_project}"
        begin = partial(WandbRun, job, folder, identity_of(run_dir))
        followers.append(Follower(logs, "wandb", target, begin))
    if config.mlflow:
        target = f"{config.mlflow}#{config.mlflow_experiment}"
        begin = partial(MlflowRun, job, identity_of(run_dir))
        followers.append(Follower(logs, "mlflow", target, begin))
    return followers


def identity_of(run_dir: AnyPath) -> str:
    """Return the id that trackers know the run by, made once."""
    path = run_dir / IDENTITY
    if not path.exists():
        write_atomic(str(path), secrets.token_hex(8).encode())
    return path.read_text()
