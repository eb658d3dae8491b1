"""What an evaluation leaves in the run's folder, each file written whole."""

import io
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from shards.paths import AnyPath, StorePath
from shards.storage import write_atomic
from trainers.evaluation.clips import Clip
from trainers.evaluation.embed import Features
from trainers.evaluation.selection import SPLITS
from trainers.lines import read_lines

FOLDER = "evaluation"


def write_json(path: AnyPath, value: Mapping[str, Any]) -> None:
    """Write one JSON object; a number that is not finite is a bug and raises."""
    write_atomic(str(path), (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def write_features(folder: AnyPath, clips: Sequence[Clip], features: Features) -> list[AnyPath]:
    """Write `features_SPLIT.npz`: `keys`, `video_ids`, `embedding`, `video`, `audio`, `text`.

    Where the run has a translator, also `joint_video` and so on.
    Features of an earlier evaluation are deleted, also those of a split that is not looked at
    any more.
    """
    written: list[AnyPath] = []
    for split in SPLITS:
        path = folder / f"features_{split}.npz"
        path.unlink(missing_ok=True)
        rows = [row for row, clip in enumerate(clips) if clip.split == split]
        if not rows:
            continue
        part = features.take(rows)
        buffer = io.BytesIO()
        arrays = {
            "keys": np.array([clips[row].key for row in rows]),
            "video_ids": np.array([clips[row].video_id for row in rows]),
            "embedding": part.embedding,
            **part.modalities(),
            **{f"joint_{name}": x_NH for name, x_NH in part.joint.items()},
        }
        np.savez(buffer, allow_pickle=False, **arrays)
        write_atomic(str(path), buffer.getvalue())
        written.append(path)
    return written


def append_line(
    path: AnyPath, by: Literal["evaluate", "beside"], step: int, values: Mapping[str, float | str]
) -> None:
    """Add a line to evaluations.jsonl in one write: several processes may, and none is lost.

    Args:
        path: The file.
        by: `evaluate` for the verb, `beside` for an evaluation while training.
        step: Step of the checkpoint.
        values: Figures, or why there are none.
    """
    line = {"step": step, "by": by, **values}
    if isinstance(path, StorePath):
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.jsonl"
        write_atomic(str(path / name), f"{json.dumps(line, allow_nan=False)}\n".encode())
        return
    # A line torn by a crash must not swallow this one; readers pass over blank ones.
    with path.open("ab", buffering=0) as file:
        file.write(f"\n{json.dumps(line, allow_nan=False)}\n".encode())


def read_evaluations(path: AnyPath, by: str) -> list[dict[str, Any]]:
    """Return the newest line of each step, in the order of steps."""
    newest = {line["step"]: line for line in read_lines(path) if line.get("by") == by}
    return [newest[step] for step in sorted(newest)]
