"""A checkpoint is a commit: written beside, hashed, manifest last, renamed; verified on load.

    checkpoints/step-00000100/state.pt        tensors and optimiser
                              job.json        resolved settings
                              MANIFEST.json   step, attempt, code, the best step so far, size and
                                              sha256 of the others, and that of itself without it

A folder without a manifest, or whose files do not hash to it, does not count; the one before
it does.
"""

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch

from shards.hashing import HashingFile
from shards.storage import sync_folder
from trainers.loop.code import code_version
from trainers.loop.verified import Verified

logger = logging.getLogger(__name__)

MANIFEST = "MANIFEST.json"
STATE = "state.pt"
JOB = "job.json"
VERSION = 2
_NAME = re.compile(r"^step-(\d{8,})$")

VERIFIED = Verified()
"""What this process has hashed. The driver asks for the newest checkpoint several times a start."""


class DamagedCheckpoint(ValueError):  # noqa: N818 - it names a state
    """Files of a checkpoint are missing, cut or altered."""


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
    root.mkdir(parents=True, exist_ok=True)
    temporary = root / f"tmp-{attempt}-{checkpoint_folder(root, step).name}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
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


def finish_checkpoint(
    root: Path,
    temporary: Path,
    about: Mapping[str, Any],
    job: dict[str, Any],
    state: Mapping[str, Any],
    may_commit: Callable[[], None],
) -> Checkpoint:
    """Add settings and manifest to a folder that holds a synced state, and give it its name.

    Args:
        root: The run's `checkpoints` folder.
        temporary: The folder, in `root`.
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
    _write_synced(temporary / MANIFEST, _sealed(manifest))
    sync_folder(str(temporary))
    may_commit()
    _replace(temporary, final)
    sync_folder(str(root))
    return Checkpoint(final, about["step"], manifest)


def newest_checkpoint(root: Path) -> Checkpoint | None:
    """Return the newest checkpoint whose files verify, `None` where none was ever written.

    The log says which were passed over.

    Raises:
        RuntimeError: If there are checkpoints but every one of them is damaged.
    """
    found, damaged = choose_checkpoint(root)
    for reason in damaged:
        logger.warning("checkpoint is damaged, trying the one before it: %s", reason)
    return found


def choose_checkpoint(root: Path) -> tuple[Checkpoint | None, list[str]]:
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


def list_checkpoints(root: Path) -> list[Path]:
    """Return the folders that claim to be checkpoints, oldest first, unverified."""
    if not root.is_dir():
        return []
    return sorted((path for path in root.iterdir() if _NAME.match(path.name)), key=step_of)


def verify_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint at `path` once every file has the size and hash of its manifest.

    Raises:
        DamagedCheckpoint: If a file is missing, cut or altered.
    """
    try:
        manifest = _read_sealed((path / MANIFEST).read_bytes())
        step, files = int(manifest["step"]), dict(manifest["files"])
        sealed = {name: (files[name]["bytes"], files[name]["sha256"]) for name in (JOB, STATE)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedCheckpoint(f"{path / MANIFEST} cannot be read: {error}") from error
    if path != checkpoint_folder(path.parent, step):
        raise DamagedCheckpoint(f"{path / MANIFEST} must be of {path.name}, got step {step}")
    for name, (num_bytes, sha256) in sealed.items():
        try:
            got = (path / name).stat().st_size
            same = got == num_bytes and VERIFIED.sha256(path / name) == sha256
        except OSError as error:
            raise DamagedCheckpoint(f"{path / name} cannot be read: {error}") from error
        if got != num_bytes:
            raise DamagedCheckpoint(f"{path / name} must have {num_bytes} bytes, got {got}")
        if not same:
            raise DamagedCheckpoint(
                f"{path / name} must have the sha256 of its manifest, got another"
            )
    return Checkpoint(path, step, manifest)


def attempt_of(path: Path) -> int:
    """Return the number of the attempt that wrote a checkpoint, 0 where it cannot be read."""
    try:
        return int(_read_sealed((path / MANIFEST).read_bytes())["attempt"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0


def prune_checkpoints(root: Path, keep: int, step: int, keep_every: int = 0, best: int = 0) -> None:
    """Remove all but the newest `keep` checkpoints up to that of `step`, the one just written.

    Those of every `keep_every` steps stay, and that of step `best`, as do later ones: they were
    passed over as damaged and must not push a whole one out.
    """
    written = [path for path in list_checkpoints(root) if step_of(path) <= step]
    for path in written[:-keep]:
        if step_of(path) == best or (keep_every and step_of(path) % keep_every == 0):
            continue
        # Without its manifest a half-removed folder can never be taken for a checkpoint.
        (path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Remove what interrupted writes left beside the checkpoints."""
    for pattern in ("tmp-*", "old-*"):
        for path in root.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


def checkpoint_folder(root: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies, whether it is there or not."""
    return root / f"step-{step:08d}"


def step_of(path: Path) -> int:
    """Return the step that a checkpoint's folder is named after."""
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


@contextmanager
def sealing(path: Path) -> Iterator[tuple[HashingFile, dict[str, Any]]]:
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


def _sealed(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as bytes that hold their own hash."""
    plain = json.dumps(manifest, sort_keys=True, indent=1)
    seal = hashlib.sha256(plain.encode()).hexdigest()
    return json.dumps({**manifest, "seal": seal}, sort_keys=True, indent=1).encode()


def _read_sealed(data: bytes) -> dict[str, Any]:
    manifest = json.loads(data)
    if manifest.get("version") != VERSION:
        raise ValueError(f"version must be {VERSION}, got {manifest.get('version')!r}")
    manifest.pop("seal", None)
    # Not the seal is compared but every byte: a flip in a blank is damage too.
    if _sealed(manifest) != data:
        raise ValueError("it must hash to its seal, got another hash")
    return manifest
