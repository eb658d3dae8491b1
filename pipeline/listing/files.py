"""All files below a folder, on this machine or in a bucket; links to folders are followed once."""

import os
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import NoReturn

from pipeline.listing.paths import is_on_web, is_url, split_suffix
from pipeline.listing.versions import Version, local_version
from shards import storage


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file: its name below the folder, where it lies, and its version or why it has none."""

    name: str
    path: str
    version: Version | str


@dataclass(slots=True)
class _Walk:
    """A walk over folders of this machine; each is entered once, whatever leads to it."""

    suffixes: Set[str]
    seen: set[tuple[int, int]] = field(default_factory=set)
    links: list[tuple[str, str]] = field(default_factory=list)
    num_known: int = 0


def files_below(root: str, suffixes: Set[str]) -> tuple[list[FoundFile], list[str]]:
    """Return the files with one of the suffixes, in order of name, and what there is to notice.

    Raises:
        ValueError: If there is no such folder, or a part of it cannot be read.
    """
    if is_url(root):
        return _remote_files(root, suffixes), []
    if not os.path.isdir(root):  # noqa: PTH112  # `root` may hold stray bytes
        raise ValueError(f"sources.path must be a folder of videos, got {root!r}, which is none")
    walk = _Walk(suffixes)
    found = list(_enter(walk, root, ""))
    # Real folders first: what a link leads to keeps the name of its own place.
    while walk.links:
        walk.links.sort(reverse=True)
        name, path = walk.links.pop()
        found += _enter(walk, path, name)
    notices = []
    if walk.num_known:
        notices.append(f"{walk.num_known} links lead to folders that are listed anyway")
    return sorted(found, key=lambda file: file.name), notices


def _enter(walk: _Walk, folder: str, name: str) -> Iterator[FoundFile]:
    waiting = [(name, folder)]
    while waiting:
        name, folder = waiting.pop()
        try:
            own = os.stat(folder)  # noqa: PTH116
            if (own.st_dev, own.st_ino) in walk.seen:
                walk.num_known += 1
                continue
            walk.seen.add((own.st_dev, own.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    below = f"{name}/{entry.name}" if name else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((below, entry.path))
                    elif entry.is_dir():
                        walk.links.append((below, entry.path))
                    elif split_suffix(entry.name)[1] in walk.suffixes:
                        yield FoundFile(below, entry.path, local_version(entry.path))
        except OSError as error:
            _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    # Skipped in silence, its videos would count as removed, and their shards would go.
    raise ValueError(
        f"sources.path must be readable throughout, got {error.filename!r}: {error.strerror}"
    ) from error


def _remote_files(root: str, suffixes: Set[str]) -> list[FoundFile]:
    if is_on_web(root):
        raise ValueError(
            f"sources.path must be a listing where the videos lie on a web server, got {root}; "
            "a web server does not tell what is in a folder"
        )
    prefix = root.rstrip("/") + "/"
    found = storage.list_versions(root, deep=True)
    return [
        FoundFile(path.removeprefix(prefix), path, version)
        for path, version in sorted(found.items())
        if split_suffix(path)[1] in suffixes
    ]
