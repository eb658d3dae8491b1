"""A checkpoint is a commit: written beside, hashed, manifest last, renamed; verified on load.

    checkpoints/step-00000100/state.pt        tensors and optimiser
                              job.json        resolved settings
                              MANIFEST.json   step, attempt, code, the best step so far, size and
                                              sha256 of the others, and that of itself without it

A folder without a manifest, or whose files do not hash to it, does not count; the one before
it does. In a bucket it lies as `objects` says.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch

from shards.hashing import HashingFile
from shards.paths import AnyPath, StorePath, size_of
from shards.storage import sync_folder, temporary_path
from trainers.loop import objects
from trainers.loop.code import code_version
from trainers.loop.manifests import (
    VERSION,
    attempt_of,
    checkpoint_folder,
    list_checkpoints,
    read_manifest,
    seal,
    step_of,
)
from trainers.loop.objects import MANIFEST, file_of
from trainers.loop.verified import Verified

logger = logging.getLogger(__name__)

STATE = "state.pt"
JOB = "job.json"

VERIFIED = Verified()
"""What this process has hashed. The driver asks for the newest checkpoint several times a start."""


class DamagedCheckpoint(ValueError):  # noqa: N818 - it names a state
    """Files of a checkpoint are missing, cut or altered."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint."""

    path: AnyPath
    step: int
    """Optimiser steps that were done when it was written."""

    manifest: dict[str, Any]

    def file(self, name: str) -> AnyPath:
        """Return where one of its files lies."""
        return file_of(self.path, self.manifest["attempt"], name)

    def load(self, device: str = "cpu") -> dict[str, Any]:
        """Return the saved state on a device."""
        with objects.on_disk(self.file(STATE)) as path:
            return torch.load(path, map_location=device, weights_only=True)

    def job(self) -> dict[str, Any]:
        """Return the resolved settings that it was trained with."""
        return json.loads(self.file(JOB).read_text())


def save_checkpoint(
    root: AnyPath,
    state: dict[str, Any],
    job: dict[str, Any],
    attempt: int,
    may_commit: Callable[[], None],
) -> Checkpoint:
    """Write `state` as `root/step-%08d` so that it is either whole or not there.

    Args:
        root: The run's `checkpoints` folder.
        state: Plain values and tensors, with `step`, `manifest_sha256` and `tokenizer_sha256`.
        job: Resolved settings.
        attempt: Number of the attempt that writes.
        may_commit: Raises when another attempt has taken over; called last before the rename.
    """
    step = state["step"]
    temporary = work_folder(root, attempt, step)
    try:
        with sealing(temporary / STATE) as (file, sealed):
            torch.save(state, cast(IO[bytes], file))
        about = {
            "step": step,
            "attempt": attempt,
            "manifest_sha256": state["manifest_sha256"],
            "tokenizer_sha256": state["tokenizer_sha256"],
            "best": state.get("best"),
        }
        return finish_checkpoint(root, temporary, about, job, sealed, may_commit)
    except BaseException:
        # The disk may be full: then what is half written is in the way of what comes next.
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def work_folder(root: AnyPath, attempt: int, step: int) -> Path:
    """Return a new folder of this machine to write a checkpoint in; beside the others, if here."""
    name = f"tmp-{attempt}-{checkpoint_folder(root, step).name}"
    folder = root / name if isinstance(root, Path) else Path(temporary_path(str(root), name))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def finish_checkpoint(
    root: AnyPath,
    temporary: Path,
    about: Mapping[str, Any],
    job: dict[str, Any],
    state: Mapping[str, Any],
    may_commit: Callable[[], None],
) -> Checkpoint:
    """Add settings and manifest to a folder that holds a synced state, and give it its name.

    Args:
        root: The run's `checkpoints` folder.
        temporary: The folder, of `work_folder`.
        about: What the manifest says beside versions and hashes; `step` is in it.
        job: Resolved settings.
        state: Size and hash of the state.
        may_commit: Raises when another attempt has taken over; called last before the rename.
    """
    final = checkpoint_folder(root, about["step"])
    settings = _write_synced(temporary / JOB, json.dumps(job, sort_keys=True, indent=1).encode())
    manifest = {
        "version": VERSION,
        **about,
        "code": dict(code_version()),
        "files": {JOB: settings, STATE: dict(state)},
    }
    if isinstance(final, StorePath):
        attempt = about["attempt"]
        # A store does not tell when an object was written, as a file does.
        manifest["unix_s"] = round(time.time(), 3)
        objects.upload(temporary, final, attempt, (JOB, STATE))
        may_commit()
        objects.commit(final, seal(manifest), attempt, lambda: attempt_of(final))
        shutil.rmtree(temporary, ignore_errors=True)
        return Checkpoint(final, about["step"], manifest)
    _write_synced(temporary / MANIFEST, seal(manifest))
    sync_folder(str(temporary))
    may_commit()
    _replace(temporary, final)
    sync_folder(str(root))
    return Checkpoint(final, about["step"], manifest)


def newest_checkpoint(root: AnyPath) -> Checkpoint | None:
    """Return the newest checkpoint whose files verify, `None` where none was ever written.

    The log says which were passed over.

    Raises:
        RuntimeError: If there are checkpoints but every one of them is damaged.
    """
    found, damaged = choose_checkpoint(root)
    for reason in damaged:
        logger.warning("checkpoint is damaged, trying the one before it: %s", reason)
    return found


def choose_checkpoint(root: AnyPath) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint whose files verify, and why those after it were passed over.

    Raises:
        RuntimeError: If there are checkpoints but every one of them is damaged: starting again
            from nothing is not something to do silently.
    """
    found = list_checkpoints(root)
    damaged: list[str] = []
    for path in reversed(found):
        try:
            return verify_checkpoint(path), damaged
        except DamagedCheckpoint as error:
            damaged.append(str(error))
    if found:
        reasons = "\n  ".join(damaged)
        raise RuntimeError(
            f"at least one checkpoint under {root} must be whole, got {len(found)} damaged ones; "
            f"remove the run folder to start again\n  {reasons}"
        )
    return None, damaged


def verify_checkpoint(path: AnyPath) -> Checkpoint:
    """Return the checkpoint at `path` once every file has the size and hash of its manifest.

    Raises:
        DamagedCheckpoint: If a file is missing, cut or altered.
    """
    try:
        manifest = read_manifest(path)
        step, files = int(manifest["step"]), dict(manifest["files"])
        sealed = {name: (files[name]["bytes"], files[name]["sha256"]) for name in (JOB, STATE)}
        attempt = int(manifest["attempt"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _refuse_to_judge(path, error)
        raise DamagedCheckpoint(f"{path / MANIFEST} cannot be read: {error}") from error
    if path != checkpoint_folder(path.parent, step):
        raise DamagedCheckpoint(f"{path / MANIFEST} must be of {path.name}, got step {step}")
    for name, (num_bytes, sha256) in sealed.items():
        file = file_of(path, attempt, name)
        try:
            got = size_of(file)
            same = got == num_bytes and VERIFIED.sha256(file) == sha256
        except OSError as error:
            _refuse_to_judge(path, error)
            raise DamagedCheckpoint(f"{file} cannot be read: {error}") from error
        if got != num_bytes:
            raise DamagedCheckpoint(f"{file} must have {num_bytes} bytes, got {got}")
        if not same:
            raise DamagedCheckpoint(f"{file} must have the sha256 of its manifest, got another")
    return Checkpoint(path, step, manifest)


def _refuse_to_judge(path: AnyPath, error: Exception) -> None:
    """Raise what is no damage: a store that does not answer has lost nothing."""
    missing = isinstance(error, FileNotFoundError)
    if isinstance(path, StorePath) and isinstance(error, OSError) and not missing:
        raise error


def prune_checkpoints(
    root: AnyPath, keep: int, step: int, keep_every: int = 0, best: int = 0
) -> None:
    """Remove all but the newest `keep` checkpoints up to that of `step`, the one just written.

    Those of every `keep_every` steps stay, and that of step `best`, as do later ones: they were
    passed over as damaged and must not push a whole one out.
    """
    written = [path for path in list_checkpoints(root) if step_of(path) <= step]
    for path in written[:-keep]:
        if step_of(path) == best or (keep_every and step_of(path) % keep_every == 0):
            continue
        objects.remove(path)


def remove_leftovers(root: AnyPath) -> None:
    """Remove what interrupted writes left beside the checkpoints."""
    if isinstance(root, StorePath):
        objects.remove_uncommitted(root, attempt_of)
        return
    for pattern in ("tmp-*", "old-*"):
        for path in root.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


def _replace(temporary: Path, final: Path) -> None:
    """Rename onto `final`; one that stands there was passed over as damaged."""
    if final.exists():
        old = final.with_name(f"old-{final.name}")
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
        temporary.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    else:
        temporary.rename(final)


@contextmanager
def sealing(path: AnyPath) -> Iterator[tuple[HashingFile, dict[str, Any]]]:
    """Give a new file to write, and what gets its size and hash once it is on the disk."""
    sealed: dict[str, Any] = {}
    with closing(HashingFile(str(path))) as file:
        yield file, sealed
        done = file.finish()
    sealed |= {"bytes": done.bytes, "sha256": done.sha256}


def _write_synced(path: Path, data: bytes) -> dict[str, Any]:
    with sealing(path) as (file, sealed):
        file.write(data)
    return sealed
