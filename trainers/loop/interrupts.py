"""SIGTERM and Ctrl-C: ask the workers for a checkpoint and wait for it; a second one does not."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

from shards.paths import AnyPath, StorePath

EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}


class Interrupts:
    """While active, a first signal writes the stop file and a second one raises."""

    def __init__(self, stop_file: AnyPath) -> None:
        self._stop_file = stop_file
        self._received: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    @property
    def received(self) -> bool:
        """Whether the run was asked to end."""
        return self._received is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 0 otherwise."""
        return 0 if self._received is None else EXIT_CODES[self._received]

    def install(self) -> None:
        """Take the signals over; again after `ray.init`, which takes SIGTERM for itself."""
        for number in EXIT_CODES:
            before = signal.signal(number, self._handle)
            self._before.setdefault(number, before)

    def renew(self) -> None:
        """Write the stop file again where a new attempt has removed it."""
        if self.received:
            self._stop_file.touch()

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # pyrefly: ignore[bad-argument-type]
        self._stop_file.unlink(missing_ok=True)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            raise KeyboardInterrupt
        self._received = signal.Signals(number)
        if isinstance(self._stop_file, StorePath):
            # What the signal interrupts may be a request itself, and hold its locks.
            threading.Thread(target=self._stop_file.touch, name="stop", daemon=True).start()
        else:
            self._stop_file.touch()
