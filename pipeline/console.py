"""What a user reads: text without control characters, and a log of one line a record."""

import logging
import sys
import unicodedata
from typing import TYPE_CHECKING

from trainers.telemetry.logs import log_handlers

if TYPE_CHECKING:
    from configs.operating import OperatingConfig


def printable(text: str) -> str:
    """Replace control characters except line feed and tab, so that no title moves a terminal.

    Titles, file names and captions come from strangers; an escape sequence among them would be
    obeyed by the terminal that shows it.
    """
    return "".join(c if c in "\n\t" or c.isprintable() else _shown(c) for c in text)


def _shown(character: str) -> str:
    """A blank of another width is a blank; anything else would be obeyed."""
    return " " if unicodedata.category(character) == "Zs" else "�"


def say(text: str) -> None:
    """Print a result."""
    sys.stdout.write(printable(text) + "\n")


def complain(text: str) -> None:
    """Print a message about what went wrong."""
    sys.stdout.flush()
    sys.stderr.write(printable(text) + "\n")


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def set_up_logging(config: "OperatingConfig | None" = None) -> None:
    """Send records to standard error, one readable line each, or as a job's settings say."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    handlers = [handler] if config is None else log_handlers(config, "driver", handler)
    logging.basicConfig(level=logging.INFO, handlers=handlers)
