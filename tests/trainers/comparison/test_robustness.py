"""R23: robustness figures are MultiBench's before it spreads them over its own table."""

import itertools

import numpy as np
import pytest

from trainers.comparison.robustness import LEVELS, effective_robustness, relative_robustness

# Accuracy on CMU-MOSI, text corrupted, levels 0 to 0.9: MultiBench's eval_scripts/robustness.py.
LATE = np.array([0.752, 0.685, 0.653, 0.633, 0.601, 0.562, 0.543, 0.519, 0.454, 0.457])
MULT = np.array([0.834, 0.752, 0.705, 0.666, 0.630, 0.571, 0.582, 0.532, 0.503, 0.492])


def test_relative_robustness_is_the_benchmarks_area() -> None:
    for curve in (LATE, MULT):
        area = sum((a + b) * 0.1 / 2 for a, b in itertools.pairwise(curve))
        assert relative_robustness(curve) == pytest.approx(area, abs=1e-9)
    assert relative_robustness(LATE) == pytest.approx(0.52545, abs=1e-9)
    assert relative_robustness(np.ones(10)) == pytest.approx(0.9)


def test_effective_robustness_is_the_benchmarks_sum() -> None:
    expected = np.sum(MULT - (LATE + (MULT[0] - LATE[0])))
    assert effective_robustness(MULT, LATE) == pytest.approx(expected, abs=1e-9)
    assert effective_robustness(MULT, LATE) == pytest.approx(-0.412, abs=1e-9)


def test_the_baselines_own_effective_robustness_is_exactly_zero() -> None:
    assert effective_robustness(LATE, LATE) == 0


def test_there_are_ten_levels_and_curves_of_other_lengths_are_refused() -> None:
    assert LEVELS == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    with pytest.raises(ValueError, match="one a level"):
        relative_robustness(LATE[:9])
