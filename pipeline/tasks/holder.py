"""Who holds an output folder, as its files tell, without touching the lock."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.tasks.lock import LOCK
from shards import storage
from shards.lease import read_owner

SIGNED = re.compile(r"process ([0-9]{1,10}) on (.+)")
KERNEL_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class Holder:
    """A driver: `away` is on another machine, of which this one cannot tell whether it lives."""

    name: str
    state: Literal["alive", "gone", "away"]


def holder_of(out: str) -> Holder | None:
    """Return the driver that signed last, or none where none ever did.

    A lock is never tried: a driver that starts in that moment would be refused.
    """
    path = storage.join(out, LOCK)
    if not storage.exists(path):
        return None
    if storage.is_remote(out):
        name, lives = read_owner(path)
        return Holder(name, "away" if lives is None else "alive" if lives else "gone")
    name = storage.read_bytes(path).decode("utf-8", errors="replace").strip()
    signed = SIGNED.fullmatch(name)
    if signed is None:
        return None
    if signed[2] != socket.gethostname():
        return Holder(name, "away")
    return Holder(name, "alive" if _is_locked(path, int(signed[1])) else "gone")


def _is_locked(path: str, pid: int) -> bool:
    """Return whether the kernel has a lock on a file; without its list, whether the process is."""
    try:
        held = KERNEL_LOCKS.read_text().splitlines()
    except OSError:
        return Path(f"/proc/{pid}").exists()
    inode = storage.local_path(path).stat().st_ino
    return any(
        fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode)
        for fields in map(str.split, held)
        if len(fields) > 5
    )
