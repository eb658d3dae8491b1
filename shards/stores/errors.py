"""What can go wrong with an object: besides OSError, what a caller may want to tell apart."""

import errno


class TransientError(Exception):
    """It may work another time. Never leaves this package.

    `wait_s` is how long the server asks us to wait, 0 where it does not say.
    """

    def __init__(self, detail: str, wait_s: float = 0.0) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class ChangedError(OSError):
    """An object has another version than the one that was asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ESTALE, "changed since it was looked at", path)


class TooLargeError(OSError):
    """An object is larger than was allowed."""

    def __init__(self, path: str, max_bytes: int) -> None:
        super().__init__(errno.EFBIG, f"more than {max_bytes} bytes", path)
