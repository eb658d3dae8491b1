"""What an evaluation leaves in the run's folder, each file written whole."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shards.storage import write_atomic
from trainers.evaluation.clips import Clip
from trainers.evaluation.embed import Features
from trainers.evaluation.selection import SPLITS
from trainers.loop.metrics import read_metrics

FOLDER = "evaluation"


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write one JSON object; a number that is not finite is a bug and raises."""
    write_atomic(str(path), (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def write_features(folder: Path, clips: Sequence[Clip], features: Features) -> list[Path]:
    """Write `features_SPLIT.npz`: `keys`, `video_ids`, `embedding`, `video`, `audio`, `text`.

    Features of an earlier evaluation are deleted, also those of a split that is not looked at
    any more.
    """
    written = []
    for split in SPLITS:
        path = folder / f"features_{split}.npz"
        path.unlink(missing_ok=True)
        rows = [row for row, clip in enumerate(clips) if clip.split == split]
        if not rows:
            continue
        part = features.take(rows)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            keys=np.array([clips[row].key for row in rows]),
            video_ids=np.array([clips[row].video_id for row in rows]),
            embedding=part.embedding,
            video=part.video,
            audio=part.audio,
            text=part.text,
        )
        write_atomic(str(path), buffer.getvalue())
        written.append(path)
    return written


def replace_evaluation_line(path: Path, step: int, values: Mapping[str, float]) -> None:
    """Append the line of an evaluation to metrics.jsonl, in place of an earlier one.

    Other lines stay as they are. Not for a run that is being trained at the same time.
    """
    kept = [
        line for line in read_metrics(path) if not any(name.startswith("eval/") for name in line)
    ]
    lines = [*kept, {"step": step, **values}]
    write_atomic(str(path), "".join(f"{json.dumps(line)}\n" for line in lines).encode())
