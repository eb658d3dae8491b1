"""How often workers may die before training gives up; progress renews it."""

import time

from trainers.loop.deaths import Death


class Budget:
    """Deaths since the last new checkpoint, and how long no group could be started."""

    def __init__(self, attempts: int, wait_s: float, step: int) -> None:
        """Begin.

        Args:
            attempts: Deaths in a row, without a new checkpoint, that are one too many.
            wait_s: Seconds in which groups may fail to start.
            step: That of the newest checkpoint.
        """
        self.deaths: list[Death] = []
        self._attempts, self._wait_s, self._step = attempts, wait_s, step
        self._without_since_s: float | None = None

    def note(self, step: int, death: Death | None, began_s: float) -> None:
        """Note the end of an attempt.

        Args:
            step: That of the newest checkpoint after it.
            death: What it died of, if it did.
            began_s: When it began, by the monotonic clock.
        """
        if step > self._step:
            self.deaths, self._step = [], step
        if death is not None and death.kind == "no_workers":
            self._without_since_s = self._without_since_s or began_s
            return
        self._without_since_s = None
        if death is not None:
            self.deaths.append(death)

    @property
    def is_spent(self) -> bool:
        """Whether workers died so often that going on would hardly help."""
        return len(self.deaths) >= self._attempts

    @property
    def is_starved(self) -> bool:
        """Whether no group could be started for too long."""
        since_s = self._without_since_s
        return since_s is not None and time.monotonic() - since_s >= self._wait_s

    def pause_s(self) -> float:
        """Return how long to wait before the next attempt: nothing after a first death."""
        return min(2.0 ** (len(self.deaths) - 1), 30.0) if len(self.deaths) > 1 else 0.0
