"""Processes of this machine, told from one another as the kernel does: ids are used again."""

from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Status(NamedTuple):
    """What the kernel says of a process."""

    state: str
    """One letter; `Z` and `X`: it has ended."""

    parent: int
    session: int
    began: int
    """Ticks since the machine started."""


def status_of(pid: int) -> Status | None:
    """Return what runs with this id, None where nothing does."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of a program stands in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    return Status(fields[0], int(fields[1]), int(fields[3]), int(fields[19]))


def boot() -> str:
    """Return what tells this start of this machine from all others; empty where nothing does."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
