"""How a job is watched: its log lines, its figures for Prometheus, when it counts as stalled."""

from typing import Literal

from pydantic import Field, field_validator

from configs.settings import Place, Settings


class OperatingConfig(Settings):
    """What the person on call sees. Nothing of it changes what a job makes."""

    log_format: Literal["text", "json"] = "text"
    """Lines of the logs: `text` for readers; `json` for programs, an object a line with run, node,
    bundle and video. The driver's go to standard error; those of workers that build shards to
    Ray's log folder on their node, those of training to `logs` in the run's folder."""

    log_folder: Place = ""
    """Folder that gets all logs as JSON too, a file for each process; empty: none. Shared by the
    nodes, it shows all of a job in one place; otherwise each node has its own."""

    metrics: bool = True
    """Hand figures to Ray, whose nodes offer them to Prometheus."""

    stall_s: float = Field(default=900.0, gt=0)
    """Seconds without a finished video or step after which a job counts as stalled: the log says
    so, and the webhook, where `WEAKVID_WEBHOOK_URL` or `WEAKVID_WEBHOOK_FILE` names one."""

    @field_validator("log_folder")
    @classmethod
    def _can_be_appended_to(cls, folder: str) -> str:
        if "://" in folder:
            raise ValueError(
                f"operating.log_folder must be a folder of a file system, got {folder!r}: lines "
                "cannot be added to an object; let a log collector take them there"
            )
        return folder
