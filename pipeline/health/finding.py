"""One thing that was looked at: how it is, and how to mend it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a check."""

    subject: str
    """What was looked at."""

    state: State
    """`broken` stops the work; `warn` slows it or may stop it later."""

    found: str
    """What was found there."""

    mend: str = ""
    """What to do about it; empty where nothing is wrong."""


def guarded(subject: str, check: Callable[[], Finding], mend: str) -> Finding:
    """Run a check; one that raises is a finding too."""
    try:
        return check()
    except Exception as error:  # a doctor looks at everything, whatever it meets
        return Finding(subject, "broken", f"{type(error).__name__}: {error}", mend)
