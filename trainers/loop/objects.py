"""A checkpoint in a bucket: objects that carry their attempt, and a manifest that makes them one.

    checkpoints/step-00000100/attempt-3/state.pt
                              attempt-3/job.json
                              MANIFEST.json         created only if it is absent

Nothing can be renamed there, so what counts is the manifest. An attempt writes under its own
number, so one that was fenced a moment too late writes over nothing that its successor has.
Without a manifest objects are no checkpoint, whether their writer died or the manifest was lost.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shards import storage
from shards.paths import AnyPath, StorePath
from trainers.loop.attempts import StaleAttempt

MANIFEST = "MANIFEST.json"


def file_of(checkpoint: AnyPath, attempt: int, name: str) -> AnyPath:
    """Return where a file of a checkpoint lies."""
    if isinstance(checkpoint, StorePath):
        return checkpoint / f"attempt-{attempt}" / name
    return checkpoint / name


def upload(temporary: Path, checkpoint: StorePath, attempt: int, names: Sequence[str]) -> None:
    """Bring the files of a checkpoint that is not committed yet."""
    for name in names:
        storage.publish(str(temporary / name), str(file_of(checkpoint, attempt, name)))


def commit(
    checkpoint: StorePath, manifest: bytes, attempt: int, attempt_there: Callable[[], int]
) -> None:
    """Write a manifest in place of none, or of one that was passed over as damaged.

    Args:
        checkpoint: Where it belongs.
        manifest: The whole object.
        attempt: Number of the attempt that writes.
        attempt_there: Reads which attempt wrote the one that is there, 0 where it cannot tell.

    Raises:
        StaleAttempt: If a later attempt has written one.
    """
    path = str(checkpoint / MANIFEST)
    while not storage.create_if_absent(path, manifest):
        try:
            version = storage.version_of(path)[1]
        except FileNotFoundError:
            continue
        if (newer := attempt_there()) > attempt:
            raise StaleAttempt(f"{checkpoint} was written by attempt {newer}, got {attempt}")
        if storage.replace_if(path, manifest, version):
            return


def committed(root: StorePath) -> list[StorePath]:
    """Return the checkpoints that have a manifest, in no order."""
    names = [name.split("/") for name in root.sizes()]
    return [root / parts[0] for parts in names if parts[1:] == [MANIFEST]]


def remove_uncommitted(root: StorePath, attempt_of: Callable[[StorePath], int]) -> None:
    """Remove the objects that no manifest stands for."""
    steps = committed(root)
    kept = {f"{path.name}/attempt-{attempt_of(path)}" for path in steps}
    for name in root.sizes():
        if name.rpartition("/")[0] not in kept and not name.endswith(f"/{MANIFEST}"):
            storage.delete(str(root / name))


@contextmanager
def on_disk(path: AnyPath) -> Iterator[Path]:
    """Give a file of a checkpoint as one of this machine; a copy is deleted at the end."""
    if isinstance(path, Path):
        yield path
        return
    copy = Path(storage.temporary_path(str(path), path.name))
    try:
        expected = storage.version_of(str(path))
        storage.download(str(path), copy, expected, max_bytes=expected[0])
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def copy_below(source: StorePath, target: StorePath) -> None:
    """Copy a checkpoint, its manifest last."""
    for name in sorted(source.sizes(), key=lambda name: name == MANIFEST):
        with on_disk(source / name) as copy:
            storage.publish(str(copy), str(target / name))


def remove(checkpoint: AnyPath) -> None:
    """Remove a checkpoint. Without its manifest half of one can never be taken for one."""
    (checkpoint / MANIFEST).unlink(missing_ok=True)
    if isinstance(checkpoint, StorePath):
        checkpoint.delete_below()
    else:
        shutil.rmtree(checkpoint, ignore_errors=True)
