"""Tests of trainers/tasks/mosi.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.tasks import mosi


def write(folder: Path, ids: dict[str, list[str]]) -> Path:
    arrays = {}
    for side, names in ids.items():
        arrays[f"utt_id_{side}"] = np.array(names)
        numbers = [int(n.rpartition("_")[2].removeprefix("x")) for n in names]
        arrays[f"y_{side}"] = np.array(numbers, np.int8) % 2
        for modality, width in (("text", 3), ("audio", 2), ("video", 1)):
            arrays[f"{modality}_{side}"] = np.array([[n] * width for n in numbers], np.float32)
    np.savez(folder / "mosi_utterances.npz", **arrays)
    return folder


def small(folder: Path) -> Path:
    train = [f"v{i}_{n}" for i in range(14) for n in (10, 9, 1)]
    return write(folder, {"train": train, "test": ["a_b_2", "a_b_1", "c_5"]})


def test_a_video_is_its_utterances_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    test = mosi.load(small(tmp_path), "videos").splits["test"]
    assert test.ids == ("a_b", "c")
    assert test.modalities["audio"].values_NTC[..., 0].tolist() == [[1, 2], [5, 0]]
    assert test.modalities["text"].mask_NT.tolist() == [[True, True], [True, False]]
    assert test.labels.tolist() == [[1, 0], [1, 0]]
    assert test.label_mask_NT is not None
    assert test.label_mask_NT.tolist() == [[True, True], [True, False]]
    train = mosi.load(tmp_path, "videos").splits["train"]
    assert train.modalities["video"].values_NTC[0, :, 0].tolist() == [1, 9, 10]


def test_no_video_is_in_two_splits(tmp_path: Path) -> None:
    splits = mosi.load(small(tmp_path), "utterances").splits
    videos = [{i.rpartition("_")[0] for i in splits[name].ids} for name in ("train", "val", "test")]
    assert [len(v) for v in videos] == [2, 12, 2]
    assert not videos[0] & videos[1]


def test_an_utterance_without_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="VIDEO_NUMBER, got 'v_x9'"):
        mosi.load(write(tmp_path, {"train": ["v_x9"], "test": ["a_1"]}), "utterances")


def test_the_real_file_has_the_published_counts(test_data: Path) -> None:
    folder = test_data / "fusion" / "mosi_utt"
    by_utterance, by_video = mosi.load(folder, "utterances"), mosi.load(folder, "videos")
    sizes = {name: len(split.ids) for name, split in by_utterance.splits.items()}
    assert sizes == {"train": 1159, "val": 288, "test": 752}
    assert [len(by_video.splits[n].ids) for n in ("train", "val", "test")] == [50, 12, 31]
    assert by_utterance.splits["test"].labels.mean() == pytest.approx(0.621, abs=1e-3)
    for name, split in by_video.splits.items():
        one = by_utterance.splits[name]
        for modality, sequences in split.modalities.items():
            flat = sequences.values_NTC[sequences.mask_NT]
            assert np.array_equal(flat, one.modalities[modality].values_NTC[:, 0])
        assert np.array_equal(split.labels[split.label_mask_NT], one.labels)
