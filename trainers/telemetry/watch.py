"""Watches over the driver of a job: does it get on, and how did it end?

A thread of its own looks, since a driver that hangs could not say so itself.
"""

import logging
import socket
import threading
import time
from collections.abc import Hashable, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from configs.operating import OperatingConfig
from trainers.telemetry import figures
from trainers.telemetry.here import remember
from trainers.telemetry.publish import publish, switch
from trainers.telemetry.webhook import Webhook, find_url

logger = logging.getLogger(__name__)

Event = Literal["stalled", "going_on", "finished", "too_many_rejects", "stopped", "failed"]

ENDS: Mapping[int, Event] = {
    0: "finished",
    3: "too_many_rejects",
    130: "stopped",
    143: "stopped",
}
"""What an exit code means; any other: it failed."""

LOOK_S = 1.0
_MAX_REASON = 500

_mark: Hashable = None
_marked_s = 0.0


def note_progress(mark: Hashable) -> None:
    """Say how far the job is; it gets on where this differs from what was said before."""
    global _mark, _marked_s
    if mark != _mark:
        _mark, _marked_s = mark, time.monotonic()


class Watch:
    """Looks whether the job gets on, and tells how it ends.

    Args:
        config: When a job counts as stalled.
        stage: The verb.
        run: Name of the run or of the output.
        gets_on: Whether the verb notes progress; one that does not cannot stall.
    """

    def __init__(self, config: OperatingConfig, stage: str, run: str, *, gets_on: bool) -> None:
        self._stall_s = config.stall_s if gets_on else None
        self._stage, self._run, self._began_s = stage, run, time.monotonic()
        self._is_stalled = False
        self._exit_code: int | None = None
        url = find_url()
        self._webhook = Webhook(url) if url else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        remember(run=run, stage=stage)
        switch(on=config.metrics)

    def __enter__(self) -> Self:
        note_progress(("begin", self._began_s))
        self._thread.start()
        return self

    def ended(self, exit_code: int) -> int:
        """Note how the job ended; returns the exit code."""
        self._exit_code = exit_code
        return exit_code

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._exit_code is not None:
            self._tell(ENDS.get(self._exit_code, "failed"), exit_code=self._exit_code)
        elif isinstance(error, KeyboardInterrupt):
            self._tell("stopped", exit_code=130)
        else:
            reason = f"{type(error).__name__}: {error}" if error else "no exit code"
            self._tell("failed", reason=reason[:_MAX_REASON])
        if self._webhook is not None:
            self._webhook.close()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        age_s = time.monotonic() - _marked_s
        publish(figures.JOB_RUNNING, 1)
        if self._stall_s is None:
            return
        is_stalled = age_s > self._stall_s
        publish(figures.PROGRESS_AGE, age_s)
        publish(figures.JOB_STALLED, is_stalled)
        if is_stalled and not self._is_stalled:
            logger.warning(
                "no progress for %.0f s (operating.stall_s); docs/operating.md says where to look",
                age_s,
            )
            self._tell("stalled", idle_s=round(age_s))
        elif self._is_stalled and not is_stalled:
            logger.info("it gets on again")
            self._tell("going_on")
        self._is_stalled = is_stalled

    def _tell(self, event: Event, **more: Any) -> None:
        if self._webhook is None:
            return
        host = socket.gethostname()
        said = "; ".join(f"{key} {value}" for key, value in more.items())
        text = f"weakvid {self._stage} {self._run} on {host}: {event}{f' ({said})' if said else ''}"
        self._webhook.tell(
            {
                # What chat services show; the rest is for programs.
                "text": text,
                "event": event,
                "stage": self._stage,
                "run": self._run,
                "host": host,
                "unix_s": round(time.time(), 3),
                "elapsed_s": round(time.monotonic() - self._began_s, 1),
                **more,
            }
        )
