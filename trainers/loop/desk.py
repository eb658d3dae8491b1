"""Where a process writes what grows: the run's folder, or a folder here whence it goes to a bucket.

Heartbeats, logs, figures and traces are appended to and overwritten many times a second, which an
object cannot be. So where a run lies in a bucket they are written to a folder of this machine that
is laid out alike, and a thread brings to the bucket what has changed. All processes of a run share
the folder of their machine: what a killed worker could not bring is brought by its driver, or by
the next one here.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from shards import storage
from shards.paths import AnyPath, StorePath
from shards.stores.scratch import private_folder
from trainers.lines import open_log
from trainers.loop import folder
from trainers.parts import PartLog

logger = logging.getLogger(__name__)

BRING_S = 2.0
"""How old a heartbeat or a figure in the bucket may be."""

_BYTES_PER_S = 1 << 20
"""Of a file that is brought whole each time, however slowly it grows."""

_STAYS = (folder.RAY,)
"""What only this machine needs."""

_Seen = tuple[int, int]


def desk_folder(run_dir: AnyPath) -> Path:
    """Return the folder of this machine for a run, made where it is missing.

    Raises:
        PermissionError: If somebody else made it.
    """
    if isinstance(run_dir, Path):
        return run_dir
    base = Path(tempfile.gettempdir()) / f"weakvid-runs-{os.getuid()}"
    key = hashlib.sha256(str(run_dir).encode()).hexdigest()[:16]
    return private_folder(private_folder(base, "TMPDIR") / key, "TMPDIR")


class Desk:
    """What one worker writes of a run, until it is closed."""

    def __init__(self, run_dir: AnyPath, attempt: int, worker: int) -> None:
        """Begin to bring what changes, where the run lies in a bucket."""
        self.folder = desk_folder(run_dir)
        self.run_dir, self.attempt, self.worker = run_dir, attempt, worker
        self._patterns = [f"*/attempt-{attempt}-worker-{worker}.*"]
        if worker == 0:
            self._patterns += [f"*.jsonl/{attempt:08d}-*", f"{folder.TENSORBOARD}/*", "wandb/**/*"]
        self._brought: dict[Path, tuple[_Seen, float]] = {}
        self._lock = threading.Lock()
        self._is_behind = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._bring_changes, name="desk", daemon=True)
        if self._is_away:
            self._thread.start()

    @property
    def _is_away(self) -> bool:
        return isinstance(self.run_dir, StorePath)

    def path_or_parts(self, name: str) -> Path | PartLog:
        """Return the file of a log, or a log in parts."""
        return PartLog(self.folder / name, self.attempt) if self._is_away else self.folder / name

    def open_log(self, name: str) -> PartLog | IO[str]:
        """Open a log to add lines."""
        log = self.path_or_parts(name)
        return log if isinstance(log, PartLog) else open_log(log)

    def deliver(self, name: str) -> None:
        """Bring all of a log that this worker wrote, and return when it is there.

        Raises:
            OSError: If it cannot be brought.
        """
        if self._is_away:
            for path in sorted(self.folder.glob(f"{name}/{self.attempt:08d}-*")):
                self._bring(path, now=True)

    def deliver_file(self, path: Path) -> None:
        """Bring one file, as `deliver` does."""
        if self._is_away:
            self._bring(path, now=True)

    def close(self) -> None:
        """Bring what is left; what cannot be brought goes into the log."""
        if not self._is_away:
            return
        self._closed.set()
        self._thread.join()
        self._try_all(now=True)

    def _bring_changes(self) -> None:
        while True:
            self._try_all(now=False)
            if self._closed.wait(BRING_S):
                return

    def _try_all(self, *, now: bool) -> None:
        try:
            for path in self._own_files():
                self._bring(path, now=now)
        except OSError as error:
            if not self._is_behind:
                logger.warning("%s does not get what is written for now: %s", self.run_dir, error)
            self._is_behind = True
        else:
            self._is_behind = False

    def _own_files(self) -> Iterator[Path]:
        for pattern in self._patterns:
            yield from (path for path in self.folder.glob(pattern) if path.is_file())

    def _bring(self, path: Path, *, now: bool) -> None:
        with self._lock:
            try:
                status = path.stat()
            except FileNotFoundError:
                return
            seen = status.st_mtime_ns, status.st_size
            before, due_s = self._brought.get(path, ((-1, -1), 0.0))
            if before == seen or (not now and time.monotonic() < due_s):
                return
            _send(path, str(self.run_dir / path.relative_to(self.folder).as_posix()))
            next_s = time.monotonic() + status.st_size / _BYTES_PER_S
            self._brought[path] = seen, next_s


def bring_leftovers(run_dir: AnyPath) -> bool:
    """Bring what workers of this machine that are gone could not; return whether all is there."""
    if isinstance(run_dir, Path):
        return True
    base = desk_folder(run_dir)
    try:
        there = run_dir.sizes()
        for path in sorted(base.rglob("*")):
            name = path.relative_to(base).as_posix()
            if not path.is_file() or name.startswith(_STAYS):
                continue
            if there.get(name, -1) < path.stat().st_size:
                _send(path, str(run_dir / name))
    except OSError as error:
        logger.warning("%s does not get what its workers left here: %s", run_dir, error)
        return False
    return True


def clear_desk(run_dir: AnyPath) -> None:
    """Remove the folder of this machine for a run in a bucket, once all of it was brought."""
    if isinstance(run_dir, StorePath) and bring_leftovers(run_dir):
        shutil.rmtree(desk_folder(run_dir), ignore_errors=True)


def _send(path: Path, url: str) -> None:
    """Send a file as it is now; it may grow meanwhile."""
    copy = Path(storage.temporary_path(url, path.name))
    try:
        shutil.copyfile(path, copy)
        storage.publish(str(copy), url)
    finally:
        copy.unlink(missing_ok=True)
