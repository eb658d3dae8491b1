"""Tests of trainers/fusion/timebase.py."""

import numpy as np
import pytest

from trainers.fusion.timebase import even_spans, one_time_base, resample
from trainers.tasks.task import Sequences


def stream(rows: list[list[float]], lengths: list[int]) -> Sequences:
    values_NTC = np.array(rows, dtype=np.float32)[:, :, None]
    return Sequences(values_NTC, np.arange(values_NTC.shape[1]) < np.array(lengths)[:, None])


def test_a_faster_stream_is_averaged_and_a_slower_one_repeated() -> None:
    told = {"fast": stream([[1, 3, 5, 7]], [4]), "slow": stream([[10, 20]], [2])}
    on_slow = one_time_base(told, "slow")
    assert on_slow["fast"].values_NTC[0, :, 0].tolist() == [2, 6]
    on_fast = one_time_base(told, "fast")
    assert on_fast["slow"].values_NTC[0, :, 0].tolist() == [10, 10, 20, 20]


def test_a_rate_that_does_not_divide_the_other_is_shared_by_overlap() -> None:
    told = {"three": stream([[0, 3, 6]], [3]), "two": stream([[1, 1]], [2])}
    shared = one_time_base(told, "two")["three"].values_NTC[0, :, 0]
    assert shared == pytest.approx([(2 * 0 + 1 * 3) / 3, (1 * 3 + 2 * 6) / 3])


def test_each_example_is_stretched_by_its_own_length_and_masked() -> None:
    told = {
        "base": stream([[0, 0, 0, 0], [0, 0, 0, 0]], [4, 2]),
        "words": stream([[1, 2, 99], [1, 2, 3]], [2, 3]),
    }
    words = one_time_base(told, "base")["words"]
    assert words.values_NTC[0, :, 0].tolist() == [1, 1, 2, 2]
    assert words.mask_NT.tolist() == [[True] * 4, [True, True, False, False]]
    assert words.values_NTC[1, 2:].tolist() == [[0], [0]]


def test_what_is_not_there_is_not_there_on_the_base_whatever_it_holds() -> None:
    told = {"base": stream([[1, 2]], [2]), "lost": stream([[np.nan, np.nan, np.nan]], [0])}
    lost = one_time_base(told, "base")["lost"]
    assert not lost.mask_NT.any()
    assert lost.values_NTC.tolist() == [[[0], [0]]]


def test_true_times_leave_gaps() -> None:
    seconds = np.array([[[0.0, 1.0], [4.0, 5.0]]])
    frames = np.array([[[0.0, 2.0], [2.0, 4.0], [4.0, 6.0]]])
    found = resample(stream([[7, 9]], [2]), seconds, frames)
    assert found.mask_NT.tolist() == [[True, False, True]]
    assert found.values_NTC[0, :, 0].tolist() == [7, 0, 9]


def test_edges_that_round_differently_do_not_leak() -> None:
    mask_NT = np.ones((1, 7), dtype=bool)
    one = Sequences(np.eye(7, dtype=np.float32)[None], mask_NT)
    found = resample(one, even_spans(mask_NT), even_spans(mask_NT) * (1 + 1e-15))
    assert np.array_equal(found.values_NTC, one.values_NTC)


def test_spans_that_do_not_fit_and_unknown_bases_are_refused() -> None:
    one = stream([[1, 2]], [2])
    with pytest.raises(ValueError, match=r"spans must be \[N, T, 2\]"):
        resample(one, np.zeros((1, 3, 2)), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="spans must end after they begin"):
        resample(one, np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="base must be one of x"):
        one_time_base({"x": one}, "y")
