"""Where a listed file lies: a path on this machine or a URL, and what messages call it."""

import os
import urllib.parse

from pipeline.listing.source import printable
from shards import storage

_FILE = "file://"


def is_url(path: str) -> bool:
    """Return whether a path does not lie on this machine.

    A name such as `concat:a|b` or `http:x.mp4` is a file; only `scheme://` makes a URL.

    Raises:
        ValueError: If the scheme is none that is read.
    """
    # Absolute paths are most of a million, and no URL.
    return not path.startswith("/") and "://" in path and storage.is_remote(path)


def is_on_web(path: str) -> bool:
    """Return whether a path is a URL of a web server, which has no list of its files."""
    return is_url(path) and path[:4].lower() == "http"


def absolute(path: str) -> str:
    """Return a URL without a slash at its end, any other path from the root on.

    Raises:
        ValueError: If the scheme is none that is read.
    """
    if is_url(path):
        return path.rstrip("/")
    return os.path.abspath(path.removeprefix(_FILE))  # noqa: PTH100  # keeps stray bytes


def below(root: str, path: str) -> str:
    """Return where a listed path lies that may be relative to `root`.

    Raises:
        ValueError: If it may not be read: an unknown scheme, or a file of this machine in a
            listing that came from elsewhere.
    """
    if is_url(path):
        return path
    if not is_url(root):
        return absolute(path if path.startswith(_FILE) else os.path.join(root, path))  # noqa: PTH118
    if path.startswith(("/", _FILE)):
        raise ValueError("a listing from elsewhere must not name files of this machine")
    if is_on_web(root):
        path = urllib.parse.quote(path, safe="/:@!$&'()*,;=~-._")
    return f"{root.rstrip('/')}/{path}"


def folder_of(path: str) -> str:
    """Return the folder of a file."""
    return storage.shown(path).rpartition("/")[0] if is_url(path) else os.path.dirname(path)  # noqa: PTH120


def is_folder(path: str) -> bool:
    """Return whether a path is a folder; a URL is one if its last part has no suffix."""
    if is_url(path):
        return path.endswith("/") or not split_suffix(storage.shown(path))[1]
    return os.path.isdir(path)  # noqa: PTH112


def shown(path: str) -> str:
    """Return what messages and samples call a listed file: no secret, nothing unprintable."""
    return printable(storage.shown(path) if "://" in path else path)


def split_suffix(name: str) -> tuple[str, str]:
    """Return a name without its suffix, and the suffix in small letters."""
    dot = name.rfind(".")
    if name.rfind("/") + 1 < dot < len(name) - 1:
        return name[:dot], name[dot:].lower()
    return name, ""


def id_below(root: str, path: str) -> str:
    """Return the id that a video has by its place: below `root`, else by its name alone."""
    place = storage.shown(path) if is_url(path) else path
    prefix = root.rstrip("/") + "/"
    name = place[len(prefix) :] if place.startswith(prefix) else place.rpartition("/")[2]
    return split_suffix(name)[0]
