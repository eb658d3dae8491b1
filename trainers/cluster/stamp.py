"""What a machine would compute with: versions of what decides bytes and figures, and our code."""

import functools
import hashlib
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from shards.processes import boot

_ROOT = Path(__file__).parents[2]
_OURS = ("configs", "shards", "trainers", "pipeline")
_PACKAGES = ("ray", "torch", "numpy", "av", "decord")
_DEADLINE_S = 20

CODE, PLACE = "weakvid", "place"
"""Our code, and the folder of this machine from which it was read."""


@functools.cache
def stamp() -> Mapping[str, str]:
    """Return names and versions; two machines with equal stamps build equal shards."""
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        "ffmpeg": _ffmpeg(),
        CODE: code_digest(_ROOT),
        PLACE: _place(_ROOT),
    }


def _place(root: Path) -> str:
    """Tell a folder from all others: two processes with the same one have the same code."""
    status = root.stat()
    return f"{boot() or platform.node()}:{status.st_dev}:{status.st_ino}"


def code_digest(root: Path) -> str:
    """Return twelve hex digits of all our code below a folder."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(root)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:12]


def _sources(root: Path) -> Iterator[Path]:
    for package in _OURS:
        yield from (root / package).rglob("*.py")


def _version(package: str) -> str:
    try:
        # What follows a plus tells CPU from CUDA: a head without a GPU may lead nodes with one.
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return "none"


def _ffmpeg() -> str:
    """Return the version that the binary itself gives."""
    try:
        import imageio_ffmpeg

        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-version"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_S, check=True
        )
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        return f"none ({type(error).__name__})"
    return done.stdout.partition(" Copyright")[0].removeprefix("ffmpeg version ").strip()
