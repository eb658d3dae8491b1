"""The driver's view of a run, taken from its logs: a bar on a terminal, lines in a file.

Workers never draw.
"""

import logging
import sys
import threading
import time
from collections import deque
from statistics import fmean
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from shards.paths import AnyPath, StorePath
from trainers.lines import follow
from trainers.loop import attempts
from trainers.loop.stepline import describe_step, describe_time
from trainers.telemetry import figures
from trainers.telemetry.publish import publish
from trainers.telemetry.watch import note_progress

logger = logging.getLogger(__name__)

POLL_S = 0.5
STORE_POLL_S = 3.0
"""Each look at a log in a bucket is a request."""

LINE_EVERY_S = 10.0
WAIT_STEPS, TOO_LONG = 50, 0.2
"""Steps over which waiting for data is judged, and the share of them that is worth a word."""


class Progress:
    """Follows the logs of a run in a thread."""

    def __init__(self, metrics: AnyPath, steps: int, done: int = 0) -> None:
        """Prepare to follow.

        Args:
            metrics: The run's metrics.jsonl; its attempts log lies beside.
            steps: Of the whole run.
            done: Of them, which say nothing about today's speed.
        """
        self._steps, self._done = steps, done
        self._poll_s = STORE_POLL_S if isinstance(metrics, StorePath) else POLL_S
        self._bar = (
            tqdm(total=steps, initial=done, unit="step", desc="train", dynamic_ncols=True)
            if _is_terminal()
            else None
        )
        self._lines = follow(metrics)
        self._events = follow(metrics.with_name(attempts.LOG))
        while self._events.new_lines():
            pass  # What earlier drivers were told.
        while isinstance(metrics, StorePath) and self._lines.new_lines():
            pass  # There nothing is cut off: steps that will be done again are among them.
        self._started: tuple[int, float] | None = None
        """Finished steps and time when this driver first saw a new one: speed is from there on."""
        self._last_line_s = 0.0
        self._untold: dict[str, Any] | None = None
        """What was read and not said, since a line came just before."""

        self._waits = deque[float](maxlen=WAIT_STEPS)
        self._has_told_of_waits = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar is not None:
            self._bar.close()

    def _follow(self) -> None:
        while not self._ended.wait(self._poll_s):
            self._look()
        self._look(last=True)

    def _look(self, *, last: bool = False) -> None:
        """Read what was added to the logs and say what is new."""
        while events := self._events.new_lines():
            self._tell(events)
        newest = self._untold
        while lines := self._lines.new_lines():
            for line in lines:
                if "train/lr" in line:
                    newest = line if newest is None else newest | line
                    # What an earlier driver logged was said by it.
                    if line["step"] > self._done:
                        self._judge_wait(line)
        publish(figures.STEPS, self._steps)
        if newest is not None:
            note_progress(("step", newest["step"]))
            self._show(newest, last=last)

    def _show(self, values: dict[str, Any], *, last: bool) -> None:
        now_s = time.monotonic()
        if self._started is None and values["step"] > self._done:
            self._started = (values["step"], now_s)
        if self._bar is not None:
            self._bar.set_postfix_str(describe_step(values), refresh=False)
            self._bar.update(values["step"] - self._bar.n)
        elif last or now_s - self._last_line_s >= LINE_EVERY_S:
            self._last_line_s, self._untold = now_s, None
            left = self._left(values["step"], now_s)
            logger.info(
                "step %d of %d: %s%s", values["step"], self._steps, describe_step(values), left
            )
        else:
            self._untold = values

    def _left(self, step: int, now_s: float) -> str:
        first, began_s = self._started or (step, now_s)
        if not first < step < self._steps:
            return ""
        return f", {describe_time((self._steps - step) * (now_s - began_s) / (step - first))} left"

    def _judge_wait(self, line: dict[str, Any]) -> None:
        self._waits.append(line.get("train/data_wait", 0.0))
        if (
            self._has_told_of_waits
            or len(self._waits) < WAIT_STEPS
            or fmean(self._waits) < TOO_LONG
        ):
            return
        self._has_told_of_waits = True
        logger.warning(
            "the model waited for data %.0f %% of the last %d steps; more data.threads, "
            "data.read_ahead or data.cache_gib may help",
            100 * fmean(self._waits),
            WAIT_STEPS,
        )

    def _tell(self, events: list[dict[str, Any]]) -> None:
        """Say what a user should know while it happens; the attempts loop says the rest."""
        for event in events:
            if event.get("event") == "skipped":
                logger.warning("step %s was skipped: %s", event["step"], event["reason"])
            if event.get("event") == "straggler":
                logger.warning(
                    "worker %s on %s is slow: %.1f times the others' median, in phase %s (step %s)",
                    *(event[key] for key in ("worker", "node", "ratio", "phase", "step")),
                )


def _is_terminal() -> bool:
    return sys.stderr.isatty()
