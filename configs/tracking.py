"""What of a run is looked at, and where the figures go beside its metrics.jsonl."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from configs.settings import Settings


class TrackingConfig(Settings):
    """Trackers, and what counts as a slow worker. metrics.jsonl is always written."""

    tensorboard: bool = True
    """Write TensorBoard events into the run's folder."""

    wandb: Literal["off", "online", "offline"] = "off"
    """Send figures to Weights & Biases, or write them into the run's folder for `wandb sync`.
    Needs the extra `wandb`; the key comes from `WANDB_API_KEY` or `wandb login`."""

    wandb_project: str = Field(default="weakvid", min_length=1)
    """Project at Weights & Biases."""

    wandb_entity: str = ""
    """User or team at Weights & Biases; empty takes the account's own."""

    mlflow: str = ""
    """Address of an MLflow tracking server; empty: off. Needs the extra `mlflow`; a user and a
    password come from `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`."""

    mlflow_experiment: str = Field(default="weakvid", min_length=1)
    """Experiment at MLflow."""

    exchange_every: int = Field(default=10, ge=1)
    """Steps between two exchanges of the workers' times and memory."""

    straggler_ratio: float = Field(default=1.5, gt=1)
    """A worker that needs more than so many times what the others need is slow."""

    straggler_steps: int = Field(default=20, ge=1)
    """Steps in a row that it must be slow before it is named."""

    @field_validator("mlflow")
    @classmethod
    def _holds_no_secret(cls, address: str) -> str:
        if "@" in urlsplit(address).netloc:
            # Not repeated in the message, and the settings are written to the run's folder.
            raise ValueError(
                "tracking.mlflow must hold no user or password, got an address with `@`; "
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead"
            )
        return address
