"""What this process is at: its run, node, bundle, video. Log lines and figures carry it along.

It belongs to the process and not to a thread: a worker has one task at a time, and the threads
that help it are to be known by the same names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_facts: dict[str, str | int] = {}


def here() -> Mapping[str, str | int]:
    """Return what is known."""
    return _facts


def remember(**facts: str | int) -> None:
    """Note facts for as long as the process lives."""
    _facts.update(facts)


@contextmanager
def at(**facts: str | int) -> Iterator[None]:
    """Note facts that hold inside; what held before comes back, unless it was changed inside."""
    before = {key: _facts.get(key) for key in facts}
    _facts.update(facts)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                _facts.pop(key, None)
            else:
                _facts[key] = value
