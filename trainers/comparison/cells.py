"""Cells of the grid and their files: one JSON a cell, written once and never changed.

A cell is done when its file is there, so a grid that was killed goes on where it stopped, and
several programs may work on one folder: of two that finish the same cell, one file stands.
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


def bending(config: GridConfig) -> dict[str, Any]:
    """Return the settings that a cell's figures depend on."""
    return config.model_dump(mode="json", include={"losses", "settings"})


def read_cell(out: str, cell: Cell, made_from: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a cell holds, None where it is not done.

    Raises:
        ValueError: If it was made from other data or with other settings.
    """
    path = str(any_path(out) / "cells" / cell.name)
    try:
        held = json.loads(read_bytes(path))
    except FileNotFoundError:
        return None
    other = [key for key, value in made_from.items() if held["made_from"].get(key) != value]
    if other:
        raise ValueError(
            f"cells of grid.out must be made from the same data with the same settings, got other "
            f"{' and '.join(other)} in {path}: name another grid.out, or delete that folder"
        )
    return held


def write_cell(
    out: str, cell: Cell, made_from: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a cell unless it is there, and return what is there then."""
    path = str(any_path(out) / "cells" / cell.name)
    named = {"task": cell.task, "method": cell.method, "seed": cell.seed}
    make_folder(path.rpartition("/")[0])
    held = {**named, "made_from": dict(made_from), **found}
    if create_if_absent(path, (json.dumps(held, allow_nan=False) + "\n").encode()):
        return held
    return json.loads(read_bytes(path))
