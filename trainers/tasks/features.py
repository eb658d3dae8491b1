"""Clips of labelled shards as a run sees them: the features that `weakvid evaluate` has left.

A modality is all that is computed from it: its own feature and, where the run has a translator,
the joint features with that modality as the source. A missing modality takes both with it.

Shape letters in this file:
    N  clips    F  width of a feature, or the sum of two
"""

import io
import json

import numpy as np

from shards.paths import AnyPath
from shards.storage import read_bytes
from trainers.tasks.task import Sequences, Split, SplitName, Task

MODALITIES = ("video", "audio", "text")
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


def load(folder: AnyPath) -> Task:
    """Read `features_SPLIT.npz` and `labels.json`: the labelled clips of each split.

    Args:
        folder: `runs/NAME/evaluation`, after an evaluation with `evaluation.fusion.labels`.

    Raises:
        ValueError: If the run was evaluated without labels.
        FileNotFoundError: If it was not evaluated at all.
    """
    labels = json.loads(read_bytes(str(folder / "labels.json")))
    if "skipped" in labels:
        raise ValueError(
            f"{folder} must come from an evaluation with labels, got none: {labels['skipped']}"
        )
    splits = {split: _split(folder, split, labels["labels"]) for split in SPLITS}
    return Task("features", tuple(labels["classes"]), splits)


def _split(folder: AnyPath, split: str, labels: dict[str, int]) -> Split:
    data = read_bytes(str(folder / f"features_{split}.npz"))
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = dict(file)
    keys = arrays["keys"].tolist()
    rows = [row for row, key in enumerate(keys) if key in labels]
    everywhere_NT = np.ones((len(rows), 1), dtype=bool)
    return Split(
        tuple(keys[row] for row in rows),
        {
            name: Sequences(_modality(arrays, name)[rows, None, :], everywhere_NT)
            for name in MODALITIES
        },
        np.array([labels[keys[row]] for row in rows], dtype=np.int64),
    )


def _modality(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    own_NF = arrays[name]
    joint = [arrays[key] for key in (f"joint_{name}",) if key in arrays]
    return np.concatenate([own_NF, *joint], axis=1).astype(np.float32, copy=False)
