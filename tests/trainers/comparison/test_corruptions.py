"""R23: corruptions are a function of seed, example and level, and level 0 is the very data."""

import itertools

import numpy as np
import pytest

from trainers.comparison.channels import Channels
from trainers.comparison.corruptions import CORRUPTIONS, corrupt
from trainers.comparison.robustness import LEVELS
from trainers.tasks.shots import take
from trainers.tasks.task import Split, Task


def _corrupted(split: Split, made: Task, kind, level: float, seed: int = 0, name: str = "right"):
    channels = Channels.of(made.splits["train"].modalities[name])
    return corrupt(split, name, kind, level, seed, channels)


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("name", ["left", "right"])
def test_level_zero_leaves_data_bit_identical(made: Task, kind, name: str) -> None:
    test = made.splits["test"]
    after = _corrupted(test, made, kind, 0.0, name=name)
    assert after.modalities[name].values_NTC.tobytes() == test.modalities[name].values_NTC.tobytes()


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("name", ["left", "right"])
def test_only_one_modality_changes_and_no_input_does(made: Task, kind, name: str) -> None:
    test = made.splits["test"]
    before = test.modalities[name].values_NTC.copy()
    after = _corrupted(test, made, kind, 0.7, name=name)
    other = "left" if name == "right" else "right"
    assert np.array_equal(before, test.modalities[name].values_NTC)
    assert not np.array_equal(before, after.modalities[name].values_NTC)
    assert after.modalities[other] is test.modalities[other]
    assert after.modalities[name].values_NTC.dtype == np.float32
    padded = ~test.modalities[name].mask_NT
    assert np.array_equal(after.modalities[name].values_NTC[padded], before[padded])


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_an_example_is_corrupted_alike_wherever_it_stands(made: Task, kind) -> None:
    test = made.splits["test"]
    rows = np.array([41, 3, 77])
    apart = _corrupted(take(test, rows), made, kind, 0.5).modalities["right"].values_NTC
    among = _corrupted(test, made, kind, 0.5).modalities["right"].values_NTC[rows]
    assert np.array_equal(apart, among)


def test_other_seeds_draw_other_noise(made: Task) -> None:
    test = made.splits["test"]
    one, other = (_corrupted(test, made, "noise", 0.5, seed) for seed in (0, 1))
    assert not np.array_equal(
        one.modalities["right"].values_NTC, other.modalities["right"].values_NTC
    )


@pytest.mark.parametrize("kind", ["holes", "blackout"])
def test_a_higher_level_loses_what_a_lower_one_loses_and_more(made: Task, kind) -> None:
    test = made.splits["test"]
    before = test.modalities["right"].values_NTC
    lost = [
        (_corrupted(test, made, kind, level).modalities["right"].values_NTC != before).any(axis=2)
        for level in LEVELS
    ]
    if kind == "holes":
        assert all((low <= high).all() for low, high in itertools.pairwise(lost))
    shares = [mask.sum() / test.modalities["right"].mask_NT.sum() for mask in lost]
    assert shares == sorted(shares)
    assert shares[0] == 0 and shares[9] > 0.8


def test_noise_at_half_is_as_loud_as_the_signal(made: Task) -> None:
    test = made.splits["test"]
    noise = (
        _corrupted(test, made, "noise", 0.5, name="left").modalities["left"].values_NTC
        - test.modalities["left"].values_NTC
    )
    deviation = Channels.of(made.splits["train"].modalities["left"]).deviation_C
    assert noise.std(axis=(0, 1)) == pytest.approx(deviation, rel=0.2)
    assert abs(noise.mean()) < 0.2
    # One number a channel, not one a position.
    assert np.abs(np.corrcoef(noise[:, 0].T) - np.eye(3)).max() < 0.35


def test_shuffled_positions_are_the_same_positions(made: Task) -> None:
    test = made.splits["test"]
    after = _corrupted(test, made, "shuffle", 0.9).modalities["right"].values_NTC
    before = test.modalities["right"].values_NTC
    assert np.array_equal(np.sort(after, axis=1), np.sort(before, axis=1))


@pytest.mark.parametrize("level", [-0.1, 1.0])
def test_a_level_out_of_range_is_refused(made: Task, level: float) -> None:
    with pytest.raises(ValueError, match="level must be"):
        _corrupted(made.splits["test"], made, "noise", level)
