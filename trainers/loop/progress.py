"""The driver's progress bar, drawn from metrics.jsonl. Workers never draw."""

import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm_loggable.auto import tqdm

POLL_S = 0.5


class Progress:
    """Follows the log in a thread: a bar on a terminal, a line now and then in a file."""

    def __init__(self, metrics: Path, steps: int, done: int = 0) -> None:
        """Prepare a bar of `steps`, of which `done` say nothing about today's speed."""
        self._path = metrics
        self._bar = tqdm(total=steps, initial=done, unit="step", desc="train", dynamic_ncols=True)
        self._inode, self._offset = -1, 0
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
        values = [line for line in self._new_lines() if "train/loss" in line]
        if not values:
            return
        last = values[-1]
        self._bar.set_postfix(
            loss=f"{last['train/loss']:.3f}",
            clips_per_s=f"{last['train/clips_per_s']:.1f}",
            refresh=False,
        )
        self._bar.update(last["step"] - self._bar.n)

    def _new_lines(self) -> list[dict[str, float]]:
        """Return the whole lines that were added; all of them once the file was replaced."""
        try:
            status = self._path.stat()
            if status.st_ino != self._inode or status.st_size < self._offset:
                self._inode, self._offset = status.st_ino, 0
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data.rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        return [json.loads(line) for line in whole.split(b"\n") if line]
