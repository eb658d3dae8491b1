"""Cells of the grid and their files: one JSON a cell, written once and never changed.

A cell is done when its file is there, so a grid that was killed goes on where it stopped, and
several programs may work on one folder: of two that finish the same cell, one file stands. Cells
of other data, or of other settings, lie in a folder of their own and are never taken for these.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs.grid import GridConfig
from shards.paths import any_path
from shards.storage import create_if_absent, make_folder, read_bytes
from trainers.tasks.task import Task


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """What is trained on what, with which seed."""

    task: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Return its place under the folder of cells."""
        return f"{self.task}/{self.method}/{self.seed}.json"


def fingerprint(task: Task) -> str:
    """Return the SHA-256 of all that a task holds."""
    digest = hashlib.sha256(json.dumps([task.name, *task.classes]).encode())
    for name in sorted(task.splits):
        split = task.splits[name]
        digest.update(json.dumps([name, split.ids]).encode())
        arrays = [split.labels, split.label_mask_NT]
        for modality in sorted(split.modalities):
            sequences = split.modalities[modality]
            arrays += [sequences.values_NTC, sequences.mask_NT]
            digest.update(modality.encode())
        for array in arrays:
            if array is not None:
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def origin_of(task: Task, config: GridConfig) -> str:
    """Return a name for all that a cell's figures depend on but its method and seed."""
    settings = config.model_dump(mode="json", include={"losses", "settings"})
    words = f"{fingerprint(task)}{json.dumps(settings, sort_keys=True)}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def read_cell(out: str, cell: Cell, origin: str) -> dict[str, Any] | None:
    """Return what a cell of this origin holds, None where it is not done."""
    try:
        return json.loads(read_bytes(_path(out, cell, origin)))
    except FileNotFoundError:
        return None


def write_cell(out: str, cell: Cell, origin: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Write a cell unless it is there, and return what is there then."""
    path = _path(out, cell, origin)
    held = {"task": cell.task, "method": cell.method, "seed": cell.seed, **found}
    make_folder(path.rpartition("/")[0])
    if create_if_absent(path, (json.dumps(held, allow_nan=False) + "\n").encode()):
        return held
    return json.loads(read_bytes(path))


def _path(out: str, cell: Cell, origin: str) -> str:
    return str(any_path(out) / "cells" / origin / cell.name)
