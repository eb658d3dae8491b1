"""A checkpoint is a commit: written beside, hashed, manifest last, renamed; verified on load.

    checkpoints/step-00000100/state.pt        tensors and optimiser
                              job.json        resolved settings
                              MANIFEST.json   step, attempt, size and sha256 of the others

A folder without a manifest, or whose files do not hash to it, does not count; the one before
it does.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from shards.storage import sha256_of, sync_folder

logger = logging.getLogger(__name__)

MANIFEST = "MANIFEST.json"
STATE = "state.pt"
JOB = "job.json"
_NAME = re.compile(r"^step-(\d{8,})$")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint."""

    path: Path
    step: int
    """Optimiser steps that were done when it was written."""

    manifest: dict[str, Any]

    def load(self) -> dict[str, Any]:
        """Return the saved state on the CPU."""
        return torch.load(self.path / STATE, map_location="cpu", weights_only=True)

    def job(self) -> dict[str, Any]:
        """Return the resolved settings that it was trained with."""
        return json.loads((self.path / JOB).read_text())


def save_checkpoint(
    root: Path,
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
    final = root / f"step-{step:08d}"
    temporary = root / f"tmp-{attempt}-step-{step:08d}"
    root.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    with (temporary / STATE).open("wb") as file:
        torch.save(state, file)
    (temporary / JOB).write_text(json.dumps(job, sort_keys=True, indent=1))
    manifest = {
        "version": 1,
        "step": step,
        "attempt": attempt,
        "manifest_sha256": state["manifest_sha256"],
        "tokenizer_sha256": state["tokenizer_sha256"],
        "files": {name: _seal(temporary / name) for name in (JOB, STATE)},
    }
    (temporary / MANIFEST).write_text(json.dumps(manifest, sort_keys=True, indent=1))
    _seal(temporary / MANIFEST)
    sync_folder(str(temporary))
    may_commit()
    _replace(temporary, final)
    sync_folder(str(root))
    return Checkpoint(final, step, manifest)


def newest_checkpoint(root: Path) -> Checkpoint | None:
    """Return the newest checkpoint whose files verify, `None` where none was ever written.

    Raises:
        RuntimeError: If there are checkpoints but every one of them is damaged: starting again
            from nothing is not something to do silently.
    """
    found = list_checkpoints(root)
    for path in reversed(found):
        try:
            return verify_checkpoint(path)
        except ValueError as error:
            logger.warning("checkpoint is damaged, trying the one before it: %s", error)
    if found:
        raise RuntimeError(
            f"at least one checkpoint under {root} must be whole, got {len(found)} damaged ones; "
            "remove the run folder to start again"
        )
    return None


def list_checkpoints(root: Path) -> list[Path]:
    """Return the folders that claim to be checkpoints, oldest first, unverified."""
    if not root.is_dir():
        return []
    return sorted((path for path in root.iterdir() if _NAME.match(path.name)), key=_step_of)


def verify_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint at `path` once every file has the size and hash of its manifest.

    Raises:
        ValueError: If a file is missing, cut or altered.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        step, files = int(manifest["step"]), dict(manifest["files"])
        sealed = {name: (files[name]["bytes"], files[name]["sha256"]) for name in (JOB, STATE)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path / MANIFEST} cannot be read: {error}") from error
    if path.name != f"step-{step:08d}":
        raise ValueError(f"{path / MANIFEST} must be of {path.name}, got step {step}")
    for name, (num_bytes, sha256) in sealed.items():
        try:
            got = (path / name).stat().st_size
        except OSError as error:
            raise ValueError(f"{path / name} cannot be read: {error}") from error
        if got != num_bytes:
            raise ValueError(f"{path / name} must have {num_bytes} bytes, got {got}")
        if sha256_of(str(path / name)) != sha256:
            raise ValueError(f"{path / name} must have the sha256 of its manifest, got another")
    return Checkpoint(path, step, manifest)


def prune_checkpoints(root: Path, keep: int, step: int) -> None:
    """Remove all but the newest `keep` checkpoints up to that of `step`, the one just written.

    Later ones were passed over as damaged: they must not push a whole one out.
    """
    written = [path for path in list_checkpoints(root) if _step_of(path) <= step]
    for path in written[:-keep]:
        # Without its manifest a half-removed folder can never be taken for a checkpoint.
        (path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Remove what interrupted writes left beside the checkpoints."""
    for pattern in ("tmp-*", "old-*"):
        for path in root.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


def _step_of(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


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


def _seal(path: Path) -> dict[str, Any]:
    """Flush a file to the disk and return its size and hash."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return {"bytes": path.stat().st_size, "sha256": sha256_of(str(path))}
