"""Tests of trainers/tasks/meld.py."""

import csv
from pathlib import Path

import numpy as np
import pytest

from trainers.tasks import meld

COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")


def write(folder: Path, rows: list[tuple]) -> Path:
    for side in ("train", "dev", "test"):
        with (folder / f"{side}_sent_emo.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
    words = np.array(["dont", "go", "!"])
    vectors = np.array([[1, 0], [0, 1], [3, 3]], np.float16)
    np.savez(folder / "glove.npz", words=words, vectors=vectors)
    return folder


ROWS = [
    ("Zzz", "Ann", "joy", "positive", 10, 0),
    ("Go!", "Bo", "anger", "negative", 2, 1),
    ("Don\u2019t", "Ann", "neutral", "neutral", 2, 0),
]


def test_a_dialogue_is_its_utterances_in_order(tmp_path: Path) -> None:
    folder = write(tmp_path, ROWS)
    test = meld.load(folder, folder / "glove.npz", "emotion").splits["test"]
    assert test.ids == ("2", "10")
    assert test.labels.tolist() == [[0, 3], [1, 0]]
    assert test.label_mask_NT is not None
    assert test.label_mask_NT.tolist() == [[True, True], [True, False]]
    text = test.modalities["text"].values_NTC
    assert text[0].tolist() == [[1, 0, 1, 0], [1.5, 2, 3, 3]]
    assert not text[1].any()
    speaker = test.modalities["speaker"].values_NTC
    assert speaker[0].argmax(axis=1).tolist() == [0, 1]


def test_who_speaks_little_is_somebody_else(tmp_path: Path) -> None:
    rows = [("go", name, "joy", "positive", 0, at) for at, name in enumerate("abcdefaabbccddeeffg")]
    folder = write(tmp_path, rows)
    task = meld.load(folder, folder / "glove.npz", "sentiment")
    speaker = task.splits["val"].modalities["speaker"].values_NTC[0]
    assert speaker.shape == (19, 7)
    assert speaker[-1].tolist() == [0] * 6 + [1]
    assert task.splits["val"].labels[0].tolist() == [1] * 19


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, [("go", "a", "bored", "neutral", 0, 0)])
    with pytest.raises(ValueError, match=r"some of .*anger.*got \['bored'\]"):
        meld.load(folder, folder / "glove.npz", "emotion")


def test_the_real_files_have_the_published_counts(test_data: Path) -> None:
    folder = test_data / "fusion"
    vectors = folder / "glove100_wink" / "wink_sg100_top60k.npz"
    task = meld.load(folder / "meld", vectors, "emotion")
    masks = {name: split.label_mask_NT for name, split in task.splits.items()}
    assert {n: int(m.sum()) for n, m in masks.items()} == {"train": 9989, "val": 1109, "test": 2610}
    assert {n: len(m) for n, m in masks.items()} == {"train": 1038, "val": 114, "test": 280}
    test = task.splits["test"]
    counts = np.bincount(test.labels[masks["test"]])
    assert dict(zip(task.classes, counts.tolist(), strict=True)) == {
        "neutral": 1256, "joy": 402, "surprise": 281, "anger": 345, "sadness": 208,
        "disgust": 68, "fear": 50,
    }  # fmt: skip
    told = test.modalities["text"].values_NTC[masks["test"]].any(axis=1)
    assert told.mean() > 0.98
