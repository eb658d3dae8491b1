"""Tests of trainers/tasks/pom.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.tasks import pom


def write(folder: Path) -> Path:
    arrays = {}
    for side in ("train", "valid", "test"):
        audio, video = np.zeros((3, 4, 2), np.float32), np.zeros((3, 4, 1), np.float32)
        audio[0, 1:], audio[1, 2:] = 5.0, 7.0
        audio[0, 2] = 0.0
        video[1, 1:] = [[1.0], [2.0], [3.0]]
        arrays |= {f"audio_{side}": audio, f"video_{side}": video}
        arrays[f"y_{side}"] = np.arange(3 * 17, dtype=np.float32).reshape(3, 17)
    np.savez(folder / "pom.npz", **arrays)
    return folder


def test_padding_moves_behind_the_steps_and_both_modalities_stay_in_step(tmp_path: Path) -> None:
    split = pom.load(write(tmp_path), 2).splits["val"]
    audio, video = split.modalities["audio"], split.modalities["video"]
    assert audio.mask_NT.sum(axis=1).tolist() == [3, 3, 0]
    assert np.array_equal(audio.mask_NT, video.mask_NT)
    assert audio.values_NTC[0, :, 0].tolist() == [5, 0, 5, 0]
    assert audio.values_NTC[1, :, 0].tolist() == [0, 7, 7, 0]
    assert video.values_NTC[1, :, 0].tolist() == [1, 2, 3, 0]
    assert split.labels.tolist() == [2, 19, 36]
    every = pom.load(tmp_path, None).splits["val"].labels
    assert every.shape == (3, 17)
    assert every[:, 2].tolist() == [2, 19, 36]


def test_a_trait_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="from 0 to 16, got 17"):
        pom.load(write(tmp_path), 17)


def test_the_real_file_has_the_published_counts(test_data: Path) -> None:
    task = pom.load(test_data / "fusion" / "mfn_new_data", 0)
    assert {n: len(s.ids) for n, s in task.splits.items()} == {
        "train": 600,
        "val": 100,
        "test": 203,
    }
    assert task.classes == ()
    for split in task.splits.values():
        assert 1 <= split.labels.min() <= split.labels.max() <= 7
        assert split.modalities["audio"].mask_NT.sum(axis=1).min() >= 1
        first = np.concatenate([s.values_NTC[:, 0] for s in split.modalities.values()], axis=1)
        assert first.any(axis=1).all()
