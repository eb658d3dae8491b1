"""One driver in a bucket, which has no locks: a record that is kept fresh.

The record is created if absent, and its owner writes it anew every few seconds, each time in
place of exactly the version before. Whoever finds it there watches it: a new version means that
the owner lives. No clock is compared with that of another machine. An owner on the same machine
whose process is gone is not waited for.
"""

import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from shards import storage
from shards.processes import PROC, boot, status_of

logger = logging.getLogger(__name__)

BEAT_S = 4.0
STALE_S = 20.0
"""How long a record must stay the same before its owner counts as dead."""

_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Owner:
    """Content of the record. `machine` and `started` tell one process from all others."""

    name: str
    machine: str
    pid: int
    started: str
    token: str
    beat: int = 0

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode() + b"\n"


def _stop() -> None:
    """Drain, or end at once where nothing listens: the output is somebody else's now."""
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def hold_lease(
    path: str,
    beat_s: float = BEAT_S,
    stale_s: float = STALE_S,
    on_lost: Callable[[], None] = _stop,
    setting: str = "shards.out",
) -> Iterator[None]:
    """Hold the record, and keep it fresh.

    Args:
        path: Where it lies, in a bucket.
        beat_s: Seconds between two new versions.
        stale_s: Seconds without one after which an owner counts as dead.
        on_lost: Called in a thread if somebody else has taken it: this process was frozen, or
            cut off from the store, for more than `stale_s`.
        setting: The setting that chooses the output, as it stands in messages.

    Raises:
        ValueError: If another driver holds it, or the store cannot create if absent.
        OSError: If the store cannot be written.
    """
    owner = _this_process()
    version = _take(path, owner, stale_s, setting)
    if storage.create_if_absent(path, b"this must fail\n"):
        storage.delete(path)
        raise ValueError(
            f"{setting} must lie in a store that can create an object only if it is absent "
            f"(If-None-Match), got {path!r}, whose store wrote over an object"
        )
    done = threading.Event()
    beating = threading.Thread(
        target=_beat, args=(path, owner, version, beat_s, done, on_lost), daemon=True
    )
    beating.start()
    try:
        yield
    finally:
        done.set()
        beating.join()
        with contextlib.suppress(OSError):  # it would go stale, which is as good
            if _read(path)[0].get("token") == owner.token:
                storage.delete(path)


def read_owner(path: str) -> tuple[str, bool | None]:
    """Return who holds a record, and whether that process lives; None: on another machine.

    Raises:
        FileNotFoundError: If nobody does.
    """
    found, _ = _read(path)
    name = str(found.get("name") or "another one")
    if found.get("machine") != _machine():
        return name, None
    return name, not _is_gone(found)


def _take(path: str, owner: _Owner, stale_s: float, setting: str) -> str:
    """Create the record, or wait until it is clear what the one there stands for."""
    while True:
        if storage.create_if_absent(path, owner.to_bytes()):
            return storage.version_of(path)[1]
        try:
            found, version = _read(path)
        except FileNotFoundError:
            continue
        if not _is_gone(found):
            _watch(path, found, version, stale_s, setting)
        if taken := storage.replace_if(path, owner.to_bytes(), version):
            logger.warning("the driver before, %s, is gone: its lock is taken", found.get("name"))
            return taken


def _watch(path: str, found: dict[str, Any], version: str, stale_s: float, setting: str) -> None:
    """Return once the record is stale, or gone.

    Raises:
        ValueError: If it changes: its owner lives.
    """
    name = found.get("name") or "another one"
    logger.info("%s is held by %s; is it alive? (at most %.0f s)", path, name, stale_s)
    end = time.monotonic() + stale_s
    while time.monotonic() < end:
        time.sleep(min(_POLL_S, stale_s / 10))
        try:
            now = storage.version_of(path)[1]
        except FileNotFoundError:
            return
        if now != version:
            raise ValueError(
                f"{setting} must have one driver at a time, got {path.rpartition('/')[0]!r}, "
                f"which is held by {name}"
            )


def _beat(
    path: str,
    owner: _Owner,
    version: str,
    beat_s: float,
    done: threading.Event,
    on_lost: Callable[[], None],
) -> None:
    while not done.wait(beat_s):
        owner = replace(owner, beat=owner.beat + 1)
        try:
            version = storage.replace_if(path, owner.to_bytes(), version)
        except OSError as error:
            logger.warning("the lock %s cannot be kept fresh: %s", path, error)
            continue
        if not version:
            logger.error("%s was taken by another driver while this one was away; it stops", path)
            on_lost()
            return


def _read(path: str) -> tuple[dict[str, Any], str]:
    version = storage.version_of(path)[1]
    try:
        value = json.loads(storage.read_bytes(path))
    except ValueError:
        value = None
    return (value if isinstance(value, dict) else {}), version


def _this_process() -> _Owner:
    pid = os.getpid()
    name = f"process {pid} on {socket.gethostname()}"
    return _Owner(name, _machine(), pid, _started(pid), secrets.token_hex(8))


def _is_gone(found: dict[str, Any]) -> bool:
    """Return whether the owner is known to be gone: a process of this machine that is no more."""
    machine, pid = found.get("machine"), found.get("pid")
    if not machine or machine != _machine() or not isinstance(pid, int):
        return False
    return _started(pid) != found.get("started")


def _machine() -> str:
    """Return what tells this boot of this machine, and this container, from others."""
    this = boot()
    try:
        return f"{this} {(PROC / 'self/ns/pid').readlink()}" if this else ""
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process was started, as the kernel counts; empty where there is none."""
    status = status_of(pid)
    return "" if status is None or status.state in "ZX" else str(status.began)
