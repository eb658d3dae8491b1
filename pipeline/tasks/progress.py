"""How far each bundle is: a small note an attempt in OUT/_tmp, read by the driver and `status`."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict

from pipeline.tasks.bundle import BundleCounts, GivenUp
from shards import storage

_SUFFIX = ".progress"


def note_path(out: str, name: str) -> str:
    """Return the path of a note; its name is BUNDLE.ATTEMPT."""
    return storage.join(out, storage.TEMPORARY, name + _SUFFIX)


def reporter(out: str, name: str, node: str = "") -> Callable[[BundleCounts], None]:
    """Return a callback that notes the counts of an attempt, its process and its node.

    It raises GivenUp where the note is gone that it wrote before: a worker that was
    frozen and wakes up late then leaves off.
    """
    path = note_path(out, name)
    is_begun = False

    def report(counts: BundleCounts) -> None:
        nonlocal is_begun
        if is_begun and not storage.exists(path):
            raise GivenUp(name)
        storage.make_folder(storage.join(out, storage.TEMPORARY))
        data = json.dumps(asdict(counts) | {"pid": os.getpid(), "node": node}).encode()
        storage.write_atomic(path, data)
        is_begun = True

    return report


def read_note(out: str, name: str) -> BundleCounts | None:
    """Return the last note of an attempt, None before its first."""
    try:
        value = json.loads(storage.read_bytes(note_path(out, name)))
    except (FileNotFoundError, ValueError):
        return None
    return BundleCounts(**{key: value[key] for key in value if key != "pid"})


def add_counts(counts: Iterable[BundleCounts]) -> BundleCounts:
    """Return the sum of counts."""
    listed = list(counts)
    return BundleCounts(
        sum(one.videos for one in listed),
        sum(one.clips for one in listed),
        sum(one.rejects for one in listed),
        retries=sum(one.retries for one in listed),
    )


def newest_names(out: str, bundles: Iterable[str]) -> dict[str, str]:
    """Return the name of the last attempt's note of each bundle that has one."""
    wanted = set(bundles)
    newest: dict[str, tuple[int, str]] = {}
    for file in storage.list_names(storage.join(out, storage.TEMPORARY), _SUFFIX):
        name = file.removesuffix(_SUFFIX)
        bundle, _, attempt = name.partition(".")
        if bundle in wanted and attempt.isdecimal():
            newest[bundle] = max(newest.get(bundle, (0, "")), (int(attempt), name))
    return {bundle: name for bundle, (_, name) in newest.items()}
