"""Histogram intersection."""

import numpy as np
import pytest

from trainers.kernels.gram import check_psd
from trainers.kernels.histograms import intersection

COUNTS = np.random.default_rng(0).integers(0, 9, size=(30, 12)).astype(float)


def test_it_sums_the_lesser_counts() -> None:
    expected = np.minimum(COUNTS[:4, None], COUNTS[None, 4:]).sum(axis=2)
    assert np.array_equal(intersection(COUNTS[:4], COUNTS[4:]), expected)


def test_it_satisfies_mercers_condition() -> None:
    check_psd(intersection(COUNTS, COUNTS))
    check_psd(intersection(COUNTS / 7, COUNTS / 7))


def test_counts_of_whole_numbers_and_of_bytes_do_not_overflow() -> None:
    full = np.full((1, 300), 255, dtype=np.uint8)
    assert intersection(full, full).item() == 300 * 255


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_counts_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="must be counts"):
        intersection(np.array([[bad]]), np.array([[1.0]]))
