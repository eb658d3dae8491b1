"""Tests of trainers/tasks/avmnist.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.tasks import avmnist


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 images and 20 recordings of each digit, in which a recording's number can be heard."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("mnist10k_npm", "fsdd"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(10), 10)
    x = rng.integers(256, size=(100, 28, 28), dtype=np.uint8)
    np.savez(folder / "mnist10k_npm" / "mnist10k.npz", x=x, y=y)
    length = rng.integers(1000, 9000, size=200)
    np.savez(
        folder / "fsdd" / "fsdd.npz",
        audio=rng.integers(-9999, 9999, size=length.sum()).astype(np.int16),
        length=length,
        digit=np.repeat(np.arange(10), 20),
        index=np.tile(np.arange(20), 10),
    )
    return folder


def test_a_pair_shows_and_says_the_same_digit(data: Path) -> None:
    for split in avmnist.load(data).splits.values():
        pairs = [tuple(map(int, one.split("-"))) for one in split.ids]
        assert [image // 10 for image, _ in pairs] == split.labels.tolist()
        assert [clip // 20 for _, clip in pairs] == split.labels.tolist()
        assert split.modalities["image"].values_NTC.shape == (len(pairs), 28, 28)
        assert split.modalities["audio"].values_NTC.shape == (len(pairs), 32, 32)


def test_no_image_and_no_recording_is_in_two_splits(data: Path) -> None:
    splits = avmnist.load(data).splits
    for part in (0, 1):
        seen = [{one.split("-")[part] for one in split.ids} for split in splits.values()]
        assert sum(map(len, seen)) == len(set.union(*seen))
    held_out = {int(one.split("-")[1]) % 20 for one in splits["test"].ids}
    assert held_out <= set(range(5))


def test_the_file_has_the_same_bytes_each_time(data: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        avmnist.write(avmnist.load(data), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with np.load(tmp_path / "a", allow_pickle=False) as file:
        assert file["audio_train"].shape == (70, 32, 32)


def test_the_noise_is_as_loud_as_it_is_said_to_be() -> None:
    speech_NS = np.zeros((1, 6400), dtype=np.float32)
    speech_NS[0, :3200] = np.sin(np.arange(3200))
    noise_S = avmnist._noisy(speech_NS, ["x"], -10.0)[0] - speech_NS[0]
    speech = np.square(speech_NS[0, :3200]).mean()
    assert 10 * np.log10(speech / np.square(noise_S).mean()) == pytest.approx(-10, abs=0.3)


def test_images_keep_their_leading_components_alone(data: Path) -> None:
    task = avmnist.load(data)
    seen_NP = np.concatenate(
        [split.modalities["image"].values_NTC.reshape(-1, 784) for split in task.splits.values()]
    )
    assert np.linalg.matrix_rank(seen_NP - seen_NP.mean(axis=0), tol=1e-3) == 4


def test_the_real_sources_have_ten_thousand_pairs(test_data: Path) -> None:
    task = avmnist.load(test_data / "fusion")
    assert [len(split.ids) for split in task.splits.values()] == [7001, 999, 2000]
