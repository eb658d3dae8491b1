"""Log lines: JSON objects for programs, and where each process writes them."""

import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.telemetry.here import here

if TYPE_CHECKING:
    from configs.operating import OperatingConfig

logger = logging.getLogger(__name__)

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """Makes one JSON object a record, in ASCII: no title of a video can break or fake a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "host": socket.gethostname(),
            "pid": record.process,
            **here(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_handlers(
    config: "OperatingConfig", role: str, text: logging.Handler
) -> list[logging.Handler]:
    """Return the handlers of a process: `text`, in the format that is asked for, and its file.

    Args:
        config: What is asked for.
        role: What the process is, the first part of the name of its file.
        text: The handler of its plain lines.
    """
    if config.log_format == "json":
        text.setFormatter(JsonLines())
    if not config.log_folder:
        return [text]
    path = Path(config.log_folder) / f"{role}-{socket.gethostname()}-{os.getpid()}.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        # A log that cannot be written is no reason to do no work.
        sys.stderr.write(f"operating.log_folder: no log in {path}: {error.strerror}\n")
        return [text]
    file.setFormatter(JsonLines())
    return [text, file]


def send_logs_to(handlers: Sequence[logging.Handler]) -> None:
    """Send the records of a worker to some handlers, and to no others: Ray set up its own."""
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)


_worker: "tuple[OperatingConfig, str] | None" = None


def set_up_worker(config: "OperatingConfig", role: str) -> None:
    """Set up the logs of a worker of Ray, once: to its standard error, which Ray keeps in a file.

    Args:
        config: What is asked for.
        role: What the process is.
    """
    global _worker  # noqa: PLW0603 - of the process, as its handlers are
    if _worker == (config, role):
        return
    _worker = (config, role)
    stream = logging.StreamHandler()
    stream.setFormatter(logging.Formatter(TEXT))
    send_logs_to(log_handlers(config, role, stream))
