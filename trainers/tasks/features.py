"""Clips of labelled shards as a run sees them: what `evaluate` or `embed` made.

A modality is all that is computed from it: its own feature and, where the run has a translator,
the joint features with that modality as the source. A missing modality takes both with it.

Shape letters in this file:
    N  clips    F  width of a feature, or the sum of two
"""

import io
import json

import numpy as np

from shards.features.folder import MANIFEST, Collection
from shards.features.table import feature_rows
from shards.paths import AnyPath
from shards.storage import exists, read_bytes
from trainers.tasks.task import Sequences, Split, SplitName, Task

MODALITIES = ("video", "audio", "text")
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


def load(folder: AnyPath, labels: AnyPath | None = None) -> Task:
    """Read the labelled clips of each split.

    Args:
        folder: `runs/NAME/evaluation` (its `features_SPLIT.npz`), or what `weakvid embed` wrote,
            in either of its formats.
        labels: The `labels.json` of an evaluation with `evaluation.fusion.labels`, by keys of
            clips; None: the one in `folder`.

    Raises:
        ValueError: If there are no labels, or no labelled clip of a split.
        FileNotFoundError: If there is nothing of the kind.
    """
    told = json.loads(read_bytes(str(labels or folder / "labels.json")))
    if "skipped" in told:
        raise ValueError(f"labels must come from an evaluation with some, got: {told['skipped']}")
    embedded = exists(str(folder / MANIFEST))
    tables = _collection(str(folder)) if embedded else _evaluation(folder)
    splits = {split: _split(split, tables[split], told["labels"]) for split in SPLITS}
    return Task("features", tuple(told["classes"]), splits)


def _evaluation(folder: AnyPath) -> dict[str, dict[str, np.ndarray]]:
    tables: dict[str, dict[str, np.ndarray]] = {}
    for split in SPLITS:
        data = read_bytes(str(folder / f"features_{split}.npz"))
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            tables[split] = dict(file)
        tables[split]["keys"] = tables[split]["keys"].astype(str)
    return tables


def _collection(folder: str) -> dict[str, dict[str, np.ndarray]]:
    held = Collection.load(folder)
    joint = [f"joint_{name}" for name in MODALITIES if f"joint_{name}" in held.widths]
    table = held.table(["key", "split", *MODALITIES, *joint])
    split_N = np.array(table["split"].to_pylist())
    arrays = {name: feature_rows(table, name)[0] for name in (*MODALITIES, *joint)}
    arrays["keys"] = np.array(table["key"].to_pylist())
    return {
        split: {name: x_N[split_N == split] for name, x_N in arrays.items()} for split in SPLITS
    }


def _split(split: str, arrays: dict[str, np.ndarray], labels: dict[str, int]) -> Split:
    keys = arrays["keys"].tolist()
    rows = [row for row, key in enumerate(keys) if key in labels]
    if not rows:
        raise ValueError(
            f"the {split} split must have labelled clips, got none of its {len(keys)}: are the "
            "labels those of the same shards?"
        )
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
