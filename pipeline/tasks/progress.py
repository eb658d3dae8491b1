"""How far each bundle is: one small file a bundle in OUT/_tmp, read by the driver and `status`."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict

from pipeline.tasks.bundle import BundleCounts
from shards import storage

_SUFFIX = ".progress"


def _path(out: str, bundle: str) -> str:
    return storage.join(out, storage.TEMPORARY, bundle + _SUFFIX)


def reporter(out: str, bundle: str) -> Callable[[BundleCounts], None]:
    """Return a callback that notes the counts of a bundle, and the process that builds it."""

    def report(counts: BundleCounts) -> None:
        storage.make_folder(storage.join(out, storage.TEMPORARY))
        data = json.dumps(asdict(counts) | {"pid": os.getpid()}).encode()
        storage.write_atomic(_path(out, bundle), data)

    return report


def read_counts(out: str, bundles: Iterable[str]) -> BundleCounts:
    """Return the sum over bundles that are being built; those without a file count nothing."""
    videos = clips = rejects = 0
    for bundle in bundles:
        try:
            value = json.loads(storage.read_bytes(_path(out, bundle)))
        except (FileNotFoundError, ValueError):
            continue
        videos += value["videos"]
        clips += value["clips"]
        rejects += value["rejects"]
    return BundleCounts(videos, clips, rejects)
