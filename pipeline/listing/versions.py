"""Sizes and versions of many listed files, in bulk: one request a file only where it must be."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from pipeline.listing.paths import folder_of, is_on_web
from shards import storage

Version = tuple[int, str]
LEAST_TO_LIST = 32
"""Files wanted of one folder of a bucket from which on the folder is listed as a whole."""
_BLOCK = 4096


def is_as_listed(listed: Version, found: Version) -> bool:
    """Return whether a file is the one that was listed; what was not known then is not compared.

    Args:
        listed: Size and version of the listing. A row that gives `bytes` may leave the version
            open, and both of its captions (0 and empty).
        found: Size and version of the file now, -1 and empty where a web server does not tell.
    """
    (size, stamp), (size_now, stamp_now) = listed, found
    is_open = size < 0 or (not size and not stamp)
    return (is_open or size_now in (-1, size)) and (not stamp or stamp_now in ("", stamp))


def remote_versions(paths: Iterable[str], threads: int) -> dict[str, Version | str]:
    """Return size and version of each URL, or in words why there is none.

    Args:
        paths: URLs.
        threads: Requests at a time.
    """
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in dict.fromkeys(paths):
        by_folder[folder_of(path)].append(path)
    found: dict[str, Version | str] = {}
    single: list[str] = []
    for folder, wanted in by_folder.items():
        # A web server has no listing.
        if len(wanted) < LEAST_TO_LIST or is_on_web(folder):
            single += wanted
        else:
            there = storage.list_versions(folder)
            found |= {path: there.get(path, "no such object") for path in wanted}
    with ThreadPoolExecutor(threads) as pool:
        for begin in range(0, len(single), _BLOCK):
            block = single[begin : begin + _BLOCK]
            found |= zip(block, pool.map(_remote_version, block), strict=True)
    return found


def _remote_version(path: str) -> Version | str:
    try:
        return storage.version_of(path)
    except (OSError, ValueError) as error:
        return _words(error)


def local_version(path: str) -> Version | str:
    """Return size and version of a file on this machine, or in words why there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # a million of them
    except (OSError, ValueError) as error:
        return _words(error)
    if not stat.S_ISREG(found.st_mode):
        return "no file"
    return found.st_size, str(found.st_mtime_ns)


def _words(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__
