"""The one layer of retries: finite, backing off, spread out, and counted.

The libraries below are told not to retry, so a request is sent at most `TRIES` times.
"""

import errno
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from shards.stores.errors import TransientError

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRIES = 8
"""With 5 % of all requests failing, one in 10^10 fails for good."""
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})

_lock = threading.Lock()
_count = 0


def num_retries() -> int:
    """Return how often this process has sent a request once more."""
    return _count


def persistently(path: str, attempt: Callable[[], T], tries: int = TRIES) -> T:
    """Return what `attempt` returns, called again while it raises TransientError.

    Args:
        path: What it is about, as it may stand in messages.
        attempt: Sends one request.
        tries: Times it is called at most.

    Raises:
        OSError: If the last try fails, too.
    """
    for number in range(1, tries + 1):
        try:
            return attempt()
        except TransientError as error:
            if number == tries:
                detail = f"{error}; tried {tries} times"
                # What the library raised may quote headers; its text is in `detail` as far as
                # it is safe.
                raise OSError(errno.EIO, detail, path) from None
            wait_s = waiting_time(number, error.wait_s)
            logger.debug("%s: %s; once more in %.1f s", path, error, wait_s)
            note_retry()
            time.sleep(wait_s)
    raise AssertionError("the last try returns or raises")


def note_retry() -> None:
    """Count one retry."""
    global _count  # noqa: PLW0603  one number a process
    with _lock:
        _count += 1


def waiting_time(number: int, asked_s: float = 0.0) -> float:
    """Return the seconds to wait after a failed try, the `number`-th from 1.

    Half of it is left to chance, so that many workers do not come back at once.
    """
    wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (number - 1))
    return max(min(asked_s, LONGEST_WAIT_S), wait_s) * random.uniform(0.5, 1.0)
