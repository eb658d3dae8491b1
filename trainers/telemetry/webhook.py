"""Tells an address of the user's what became of a job.

The address is a secret: whoever has it may post there. It comes from the environment or a file,
and stands in no setting, log or message.
"""

import contextlib
import http.client
import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainers.redirects import NoRedirects

logger = logging.getLogger(__name__)

URL, FILE = "WEAKVID_WEBHOOK_URL", "WEAKVID_WEBHOOK_FILE"

TIMEOUT_S = 5.0
PAUSES_S = (1.0, 4.0)
"""Between the tries of one message; there is one try more than pauses."""

LAST_S = 15.0
"""How long the end of a job waits for its last message."""

_MAX_WAITING = 32


def find_url() -> str | None:
    """Return the address to post to, None where none is named or what is named is none.

    It is never worth a job: what is wrong with it is a warning.
    """
    url = os.environ.get(URL, "").strip()
    if not url and (path := os.environ.get(FILE)):
        try:
            url = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            logger.warning("%s cannot be read, nobody is told: %s", FILE, type(error).__name__)
            return None
    if not url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        # It is not repeated: it may be a secret that only lacks its beginning.
        logger.warning("%s or %s must hold an http or https address; nobody is told", URL, FILE)
        return None
    return url


class Webhook:
    """Posts messages from a thread of its own, so that no job waits for a slow server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = urllib.request.build_opener(NoRedirects)
        self._waiting = queue.Queue[Mapping[str, Any] | None](_MAX_WAITING)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._post_all, name="webhook", daemon=True)
        self._thread.start()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Have a message posted; returns at once."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            logger.warning("webhook: too slow, a message (%s) is dropped", message.get("event"))

    def close(self, within_s: float = LAST_S) -> None:
        """Wait a little for what is still to be posted."""
        deadline = time.monotonic() + within_s
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=within_s)
        self._thread.join(max(0.0, deadline - time.monotonic()))
        self._closed.set()
        if self._thread.is_alive():
            logger.warning("webhook: no answer in %.0f s, not everything was told", within_s)

    def _post_all(self) -> None:
        while (message := self._waiting.get()) is not None and not self._closed.is_set():
            self._post(json.dumps(message).encode())

    def _post(self, body: bytes) -> None:
        request = urllib.request.Request(
            self._url, body, {"Content-Type": "application/json", "User-Agent": "weakvid"}
        )
        why = ""
        for pause_s in (0.0, *PAUSES_S):
            if self._closed.wait(pause_s):
                return
            try:
                with self._opener.open(request, timeout=TIMEOUT_S):
                    return
            except urllib.error.HTTPError as error:
                error.close()
                why = f"HTTP {error.code}"
                if error.code < 500 and error.code not in (408, 429):
                    break  # it would say the same again
            except (OSError, http.client.HTTPException, ValueError) as error:
                # Their texts may repeat the address.
                why = type(getattr(error, "reason", error)).__name__
        logger.warning("webhook: a message could not be posted: %s", why)
