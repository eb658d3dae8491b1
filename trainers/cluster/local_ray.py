"""A Ray on this machine whose processes outlive a signal that is meant for us."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def out_of_our_process_group() -> Iterator[None]:
    """Let the processes that Ray starts here lead groups of their own.

    `timeout`, batch systems and shells send SIGTERM to a whole process group. It asks us to drain;
    Ray's processes would die of it, and we with them, a minute later and as failed. The kernel
    still kills them when we are gone.
    """
    from ray._private import services

    popen = services.ConsolePopen

    class Leader(popen):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, process_group=0, **kwargs)

    services.ConsolePopen = Leader
    try:
        yield
    finally:
        services.ConsolePopen = popen
