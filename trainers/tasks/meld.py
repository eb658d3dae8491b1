"""MELD: the emotion of each utterance in the dialogues of a television series.

Poria et al., "MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations",
ACL 2019: 1,432 dialogues. Its sound and pictures are not to be had as features; the words are
GloVe vectors of 100 channels, their mean and maximum over an utterance, and the speaker is one of
the six that the train split hears most, or somebody else.

Shape letters in this file:
    N  dialogues    T  utterances of a dialogue    U  utterances    W  words of one    C  width
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from trainers.tasks.task import Sequences, Split, SplitName, Task

CLASSES = {
    "emotion": ("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear"),
    "sentiment": ("neutral", "positive", "negative"),
}
NUM_SPEAKERS = 6
_FILES: dict[SplitName, str] = {"train": "train", "val": "dev", "test": "test"}
# Apostrophes are dropped before: the vectors' vocabulary has `dont` and not `don't`.
_TOKEN = re.compile(r"[a-z]+|[0-9]+|[?!.,]")


def load(folder: Path, vectors: Path, label: Literal["emotion", "sentiment"]) -> Task:
    """Read the three `*_sent_emo.csv`; a label for each utterance of a dialogue.

    Args:
        folder: Where they lie.
        vectors: `.npz` with `words` and `vectors`, W x 100.
        label: Seven emotions, or three sentiments.

    Raises:
        ValueError: If a label is not one of the classes.
    """
    rows_of = {name: _dialogues(folder / f"{file}_sent_emo.csv") for name, file in _FILES.items()}
    heard = Counter(row["Speaker"] for rows in rows_of["train"].values() for row in rows)
    speakers = [name for name, _ in heard.most_common(NUM_SPEAKERS)]
    with np.load(vectors, allow_pickle=False) as file:
        index = {word: row for row, word in enumerate(file["words"].tolist())}
        table_WC = file["vectors"].astype(np.float32)
    splits = {
        name: _split(dialogues, label, speakers, (index, table_WC))
        for name, dialogues in rows_of.items()
    }
    return Task(f"meld_{label}", CLASSES[label], splits)


def _dialogues(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each dialogue, in the order of its utterances."""
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["Dialogue_ID"], []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: int(row["Utterance_ID"]))
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def _split(
    dialogues: Mapping[str, Sequence[Mapping[str, str]]],
    label: str,
    speakers: Sequence[str],
    glove: tuple[Mapping[str, int], np.ndarray],
) -> Split:
    lengths = [len(rows) for rows in dialogues.values()]
    mask_NT = np.arange(max(lengths)) < np.array(lengths)[:, None]
    rows = [row for dialogue in dialogues.values() for row in dialogue]
    classes = {name: number for number, name in enumerate(CLASSES[label])}
    given = [row[label.capitalize()] for row in rows]
    unknown = sorted(set(given) - set(classes))
    if unknown:
        raise ValueError(f"labels must be some of {sorted(classes)}, got {unknown}")
    labels_NT = np.zeros(mask_NT.shape, np.int64)
    labels_NT[mask_NT] = [classes[name] for name in given]
    text_UC = np.stack([_text(row["Utterance"], *glove) for row in rows])
    speaker_UC = np.stack([_speaker(row["Speaker"], speakers) for row in rows])
    return Split(
        tuple(dialogues),
        {"text": _placed(text_UC, mask_NT), "speaker": _placed(speaker_UC, mask_NT)},
        labels_NT,
        mask_NT,
    )


def _text(utterance: str, index: Mapping[str, int], table_WC: np.ndarray) -> np.ndarray:
    """Return mean and maximum of the words' vectors; zeros where no word has one."""
    # The files come from Windows: its apostrophe is there in two codings.
    plain = re.sub("['\u2019\u0092`]", "", utterance.lower())
    rows = [index[token] for token in _TOKEN.findall(plain) if token in index]
    if not rows:
        return np.zeros(2 * table_WC.shape[1], np.float32)
    return np.concatenate([table_WC[rows].mean(axis=0), table_WC[rows].max(axis=0)])


def _speaker(name: str, speakers: Sequence[str]) -> np.ndarray:
    return np.array([*(name == known for known in speakers), name not in speakers], np.float32)


def _placed(values_UC: np.ndarray, mask_NT: np.ndarray) -> Sequences:
    values_NTC = np.zeros((*mask_NT.shape, values_UC.shape[1]), np.float32)
    values_NTC[mask_NT] = values_UC
    return Sequences(values_NTC, mask_NT)
