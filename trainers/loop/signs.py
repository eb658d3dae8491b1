"""What the driver asks of running workers, by files that exist: to stop, or to end and grow."""

import logging
import threading

from shards.paths import AnyPath, StorePath
from trainers.loop import folder

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""Between two looks into a bucket, where each is a request."""


class Signs:
    """Looks for the signs, in a bucket by a thread: a step waits for no store."""

    def __init__(self, run_dir: AnyPath, checkpoint_every: int) -> None:
        """Begin to look."""
        self._run_dir, self._checkpoint_every = run_dir, checkpoint_every
        self._seen: frozenset[str] = frozenset()
        self._closed = threading.Event()
        if isinstance(run_dir, StorePath):
            threading.Thread(target=self._watch, name="signs", daemon=True).start()

    def ask_to_end(self, done: int) -> bool:
        """Return whether this worker is asked to end after `done` finished steps."""
        if self._is_up(folder.STOP):
            return True
        # For a larger group only where it costs no step and no checkpoint of its own.
        return done % self._checkpoint_every == 0 and self._is_up(folder.GROW)

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _is_up(self, name: str) -> bool:
        if isinstance(self._run_dir, StorePath):
            return name in self._seen
        return (self._run_dir / name).exists()

    def _watch(self) -> None:
        while True:
            try:
                names = (folder.STOP, folder.GROW)
                self._seen = frozenset(n for n in names if (self._run_dir / n).is_file())
            except OSError as error:
                logger.warning("%s cannot be asked whether to go on: %s", self._run_dir, error)
            if self._closed.wait(LOOK_S):
                return
