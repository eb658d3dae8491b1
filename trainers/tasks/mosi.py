"""CMU-MOSI: positive or negative opinions in 93 videos, by words, voice and face.

Zadeh et al., "MOSI: Multimodal Corpus of Sentiment Intensity", 2016; utterance features of Poria
et al., ACL 2017, as declare-lab/multimodal-deep-learning gives them. The features of the text come
from a network that was trained on the labels of all train videos, so that these are told apart too
well: what is chosen on videos held out of them is chosen on too easy a set.

Shape letters in this file:
    N  examples    T  utterances of a video, 1 in the layout `utterances`    C  width
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from trainers.tasks.task import Sequences, Split, SplitName, Task

MODALITIES = ("text", "audio", "video")
VAL_VIDEOS = 12
"""Of the 62 train videos, those whose names hash lowest."""

Layout = Literal["utterances", "videos"]


def load(folder: Path, layout: Layout) -> Task:
    """Read `mosi_utterances.npz`.

    Args:
        folder: Where it lies.
        layout: `utterances`: an example is an utterance by itself, with one label. `videos`: an
            example is a video, a sequence of its utterances in order, each with its label.

    Raises:
        ValueError: If an utterance's name is not VIDEO_NUMBER.
    """
    with np.load(folder / "mosi_utterances.npz", allow_pickle=False) as file:
        arrays = dict(file)
    build = _utterances if layout == "utterances" else _videos
    given = {side: _videos_of(arrays[f"utt_id_{side}"]) for side in ("train", "test")}
    by_hash = sorted(given["train"], key=lambda name: hashlib.sha256(name.encode()).digest())
    val, train = sorted(by_hash[:VAL_VIDEOS]), sorted(by_hash[VAL_VIDEOS:])
    splits: dict[SplitName, Split] = {
        "train": build(arrays, "train", {name: given["train"][name] for name in train}),
        "val": build(arrays, "train", {name: given["train"][name] for name in val}),
        "test": build(arrays, "test", given["test"]),
    }
    return Task(f"mosi_{layout}", ("negative", "positive"), splits)


def _videos_of(ids: np.ndarray) -> dict[str, np.ndarray]:
    """Return each video's rows, in the order of its utterances."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row, name in enumerate(ids.tolist()):
        video, _, number = name.rpartition("_")
        if not video or not number.isdigit():
            raise ValueError(f"utt_id must be VIDEO_NUMBER, got {name!r}")
        found.setdefault(video, []).append((int(number), row))
    return {video: np.array([row for _, row in sorted(rows)]) for video, rows in found.items()}


def _utterances(
    arrays: Mapping[str, np.ndarray], side: str, rows_of: Mapping[str, np.ndarray]
) -> Split:
    rows_N = np.concatenate(list(rows_of.values()))
    everywhere_NT = np.ones((len(rows_N), 1), dtype=bool)
    return Split(
        tuple(arrays[f"utt_id_{side}"][rows_N].tolist()),
        {
            name: Sequences(arrays[f"{name}_{side}"][rows_N, None, :], everywhere_NT)
            for name in MODALITIES
        },
        arrays[f"y_{side}"][rows_N].astype(np.int64),
    )


def _videos(
    arrays: Mapping[str, np.ndarray], side: str, rows_of: Mapping[str, np.ndarray]
) -> Split:
    longest = max(len(rows) for rows in rows_of.values())
    mask_NT = np.arange(longest) < np.array([[len(rows)] for rows in rows_of.values()])
    rows_NT = np.zeros(mask_NT.shape, dtype=np.int64)
    rows_NT[mask_NT] = np.concatenate(list(rows_of.values()))
    return Split(
        tuple(rows_of),
        {
            name: Sequences(
                np.where(mask_NT[:, :, None], arrays[f"{name}_{side}"][rows_NT], np.float32(0)),
                mask_NT,
            )
            for name in MODALITIES
        },
        np.where(mask_NT, arrays[f"y_{side}"][rows_NT].astype(np.int64), 0),
        mask_NT,
    )
