"""One zip of a folder and of the settings of a job; the same bytes for the same content."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from pipeline.launching.contents import Contents

ADDED = ".weakvid-launch"
"""Folder in the package for what is not in the launching folder."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_package(contents: Contents, added: Mapping[str, str], path: Path) -> None:
    """Write the files of a folder, and texts beside them, into a zip.

    Ray names a package by its hash, so what the cluster has already is not sent again.

    Args:
        contents: The files.
        added: Texts by their names in `ADDED`.
        path: Where the zip goes; must end in `.zip`.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(contents.files):
            source = contents.folder / name
            executable = source.stat().st_mode & 0o100
            _add(package, name, source.read_bytes(), 0o755 if executable else 0o644)
        for name, text in sorted(added.items()):
            _add(package, f"{ADDED}/{name}", text.encode(), 0o644)


def _add(package: zipfile.ZipFile, name: str, data: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100000 | mode) << 16
    package.writestr(info, data)
