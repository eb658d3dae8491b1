"""The driver's progress bar, drawn from metrics.jsonl. Workers never draw."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm_loggable.auto import tqdm

from trainers.lines import LineFollower

POLL_S = 0.5


class Progress:
    """Follows the log in a thread: a bar on a terminal, a line now and then in a file."""

    def __init__(self, metrics: Path, steps: int, done: int = 0) -> None:
        """Prepare a bar of `steps`, of which `done` say nothing about today's speed."""
        self._bar = tqdm(total=steps, initial=done, unit="step", desc="train", dynamic_ncols=True)
        self._lines = LineFollower(metrics)
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
        self._bar.close()

    def _follow(self) -> None:
        while not self._ended.wait(POLL_S):
            self._draw()
        self._draw()

    def _draw(self) -> None:
        values = [line for line in self._lines.new_lines() if "train/loss" in line]
        if not values:
            return
        last = values[-1]
        self._bar.set_postfix(
            loss=f"{last['train/loss']:.3f}",
            clips_per_s=f"{last['train/clips_per_s']:.1f}",
            refresh=False,
        )
        self._bar.update(last["step"] - self._bar.n)
