"""A thread that sends the lines of a run's logs to a tracker, so that training never waits.

What was sent is noted in the run's folder. A tracker that was switched on late, could not be
reached or was cut off by a kill gets what it lacks, and what is done again after a kill is not
sent twice: it has the values that it had before.
"""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from shards.paths import AnyPath
from shards.storage import write_atomic
from trainers.lines import follow

logger = logging.getLogger(__name__)

POLL_S = 1.0
LONGEST_PAUSE_S = 60.0
CLOSE_S = 10.0
"""How long the end of training waits for a tracker."""


class Tracker(Protocol):
    """Where figures can be sent."""

    def send(self, lines: list[dict[str, Any]]) -> None:
        """Send lines of the logs, oldest first. Raises if they did not arrive."""
        ...

    def close(self) -> None:
        """Say that no more will come for now."""
        ...


class Follower:
    """Follows one run for one tracker, until it is closed."""

    def __init__(
        self, logs: Sequence[AnyPath], name: str, target: str, begin: Callable[[], Tracker]
    ) -> None:
        """Start the thread.

        Args:
            logs: Of the run; what was sent is noted beside them.
            name: Name of the tracker.
            target: What tells one place at the tracker from another: a new one gets everything.
            begin: Reaches the tracker. Called in the thread, again if it raises.
        """
        self._name, self._begin = name, begin
        self._note = logs[0].with_name(f"tracked-{name}.json")
        self._sent = _read_note(self._note, target)
        self._target = target
        self._logs = [follow(log) for log in logs]
        self._waiting: list[dict[str, Any]] = []
        self._tracker: Tracker | None = None
        self._is_behind = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send what is left, but wait for it no longer than `CLOSE_S`."""
        self._ended.set()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive() or self._is_behind:
            logger.warning(
                "%s does not have the last figures of the run; it gets them when the run goes on",
                self._name,
            )

    def _follow(self) -> None:
        pause_s = POLL_S
        while True:
            # Asked first: what was written before the end is still read after it.
            ended = self._ended.is_set()
            pause_s = self._try(self._send_all, pause_s)
            if ended:
                break
            self._ended.wait(pause_s)
        if self._tracker is not None and not self._is_behind:
            self._try(self._tracker.close, pause_s)

    def _try(self, call: Callable[[], None], pause_s: float) -> float:
        """Call, and return how long to wait now: longer after each failure in a row."""
        try:
            call()
        except Exception as error:  # a tracker's own, of any kind: training goes on
            if not self._is_behind:
                what = str(error).strip().splitlines() or [type(error).__name__]
                logger.warning("%s cannot be reached, trying again: %s", self._name, what[0][:300])
            self._is_behind = True
            return min(2 * pause_s, LONGEST_PAUSE_S)
        if self._is_behind:
            logger.info("%s is reached again", self._name)
        self._is_behind = False
        return POLL_S

    def _send_all(self) -> None:
        if self._tracker is None:
            self._tracker = self._begin()
        while True:
            self._waiting = self._waiting or [
                line
                for log in self._logs
                for line in log.new_lines()
                if line["step"] > self._sent_of(line)
            ]
            if not self._waiting:
                return
            self._tracker.send(self._waiting)
            for line in self._waiting:
                kind = kind_of(line)
                self._sent[kind] = max(self._sent.get(kind, -1), line["step"])
            note = {"target": self._target, "sent": self._sent}
            write_atomic(str(self._note), json.dumps(note).encode())
            self._waiting = []

    def _sent_of(self, line: dict[str, Any]) -> int:
        return self._sent.get(kind_of(line), -1)


def kind_of(line: dict[str, Any]) -> str:
    """Return `train`, `val` or `eval`: lines of different kinds come late to the same step."""
    return next((key.partition("/")[0] for key in line if "/" in key), "")


def _read_note(path: AnyPath, target: str) -> dict[str, int]:
    """Return the newest step of each kind that the target has."""
    try:
        note = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return dict(note["sent"]) if note.get("target") == target else {}
