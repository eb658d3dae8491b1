"""What an output folder is: complete, in the making, or under replacement.

`_SUCCESS` holds the hash of manifest.json: all that was planned is committed and folded.
`_REBUILD` stands from before the first committed bundle is taken back until the manifest is
written anew: tars may differ from what the manifest says of them, and readers keep away.
Without both a build goes on or was stopped, and what the manifest names, if there is one, is whole.
"""

import hashlib

from shards import storage

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
REBUILD = "_REBUILD"


def begin_build(out: str, *, replaces: bool) -> None:
    """Note that the folder is not complete any more.

    Args:
        out: Output folder.
        replaces: Whether bundles that are committed will be taken back.
    """
    if replaces and storage.exists(storage.join(out, MANIFEST)):
        text = b"Bundles are being replaced; the same weakvid command completes it.\n"
        storage.create_if_absent(storage.join(out, REBUILD), text)
    storage.delete(storage.join(out, SUCCESS))


def mark_complete(out: str, manifest: bytes) -> None:
    """Note that the folder is what `manifest`, the bytes of manifest.json, says."""
    storage.delete(storage.join(out, REBUILD))
    storage.write_atomic(storage.join(out, SUCCESS), _digest(manifest))


def is_complete(out: str) -> bool:
    """Return whether the folder is what its manifest says, and all of what was planned."""
    success, manifest = storage.join(out, SUCCESS), storage.join(out, MANIFEST)
    if is_rebuilt(out) or not storage.exists(success) or not storage.exists(manifest):
        return False
    return storage.read_bytes(success) == _digest(storage.read_bytes(manifest))


def is_rebuilt(out: str) -> bool:
    """Return whether tars of the folder are being replaced, or that was stopped midway."""
    return storage.exists(storage.join(out, REBUILD))


def refuse_rebuilt(out: str) -> None:
    """Keep a reader away from a folder under replacement.

    Raises:
        ValueError: If its tars may differ from what its manifest says.
    """
    if is_rebuilt(out):
        raise ValueError(
            f"{out} must be complete, but a build is under way that replaces some of its shards, "
            "or was stopped midway; wait for it, or give the same `weakvid shards` command again"
        )


def _digest(manifest: bytes) -> bytes:
    return hashlib.sha256(manifest).hexdigest().encode() + b"\n"
