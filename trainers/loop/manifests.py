"""Which checkpoints there are, and what their sealed manifests say. Reads no tensor."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from shards.paths import AnyPath, StorePath
from trainers.loop import objects
from trainers.loop.objects import MANIFEST

VERSION = 2
_NAME = re.compile(r"^step-(\d{8,})$")


def list_checkpoints(root: AnyPath) -> list[AnyPath]:
    """Return the folders that claim to be checkpoints, oldest first, unverified."""
    if isinstance(root, StorePath):
        found: list[AnyPath] = [*objects.committed(root)]
    else:
        found = [*root.iterdir()] if root.is_dir() else []
    return sorted((path for path in found if _NAME.match(path.name)), key=step_of)


def checkpoint_folder(root: AnyPath, step: int) -> AnyPath:
    """Return where the checkpoint of a step lies, whether it is there or not."""
    return root / f"step-{step:08d}"


def step_of(path: AnyPath) -> int:
    """Return the step that a checkpoint's folder is named after."""
    return int(path.name.removeprefix("step-"))


def attempt_of(path: AnyPath) -> int:
    """Return the number of the attempt that wrote a checkpoint, 0 where it cannot be read."""
    return int(_said(path, "attempt") or 0)


def committed_unix_s(path: StorePath) -> float | None:
    """Return when a checkpoint in a bucket was committed, None where that cannot be read."""
    return _said(path, "unix_s")


def _said(path: AnyPath, key: str) -> float | None:
    try:
        return float(read_manifest(path)[key])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def seal(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as bytes that hold their own hash."""
    plain = json.dumps(manifest, sort_keys=True, indent=1)
    digest = hashlib.sha256(plain.encode()).hexdigest()
    return json.dumps({**manifest, "seal": digest}, sort_keys=True, indent=1).encode()


def read_manifest(path: AnyPath) -> dict[str, Any]:
    """Return what the manifest of a checkpoint says, once it hashes to its seal.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is altered, or of another version.
    """
    data = (path / MANIFEST).read_bytes()
    manifest = json.loads(data)
    if manifest.get("version") != VERSION:
        raise ValueError(f"version must be {VERSION}, got {manifest.get('version')!r}")
    manifest.pop("seal", None)
    # Not the seal is compared but every byte: a flip in a blank is damage too.
    if seal(manifest) != data:
        raise ValueError("it must hash to its seal, got another hash")
    return manifest
