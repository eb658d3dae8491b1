"""Which code a run is trained with: a digest of each file that decides numbers, and versions.

Comments, docstrings and layout do not count, nor do files that only start, watch, log and save.
"""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).parents[2]

_SOURCES = (
    "shards/clipcodec.py",
    "shards/clipcodec_h264.py",
    "shards/clipcodec_jpegs.py",
    "shards/order.py",
    "trainers/collectives.py",
    "trainers/data",
    "trainers/loop/fresh.py",
    "trainers/loop/gradients.py",
    "trainers/loop/objectives.py",
    "trainers/loop/ranks.py",
    "trainers/loop/schedule.py",
    "trainers/loop/step.py",
    "trainers/losses",
    "trainers/models",
)
"""Files, and folders with all that is in them."""

_PACKAGES = ("av", "decord", "numpy", "sentencepiece", "torch")


@functools.cache
def code_version() -> Mapping[str, str]:
    """Return versions by package and digests by file, of the code that this process imports."""
    version = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for package in _PACKAGES:
        # What follows a plus tells CPU from CUDA, and a run may move from one to the other.
        version[package] = metadata.version(package).partition("+")[0]
    for path in _files():
        version[str(path.relative_to(_ROOT))] = digest(path.read_bytes())
    return version


def digest(source: bytes) -> str:
    """Return twelve hex digits that tell one program from another."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for one in node.body if not _is_text(one)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]


def _files() -> Iterator[Path]:
    for source in _SOURCES:
        path = _ROOT / source
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _is_text(node: ast.stmt) -> bool:
    """Return whether a statement is a string that does nothing, as docstrings are."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
