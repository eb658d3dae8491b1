"""Expected calibration error: how far what a method says of its certainty is from the truth.

Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3: answers go into bins by
the probability of the likeliest class, and of each bin the mean probability is held against the
accuracy; bins count by their size.

Shape letters in this file:
    P  positions with a label    C  classes    B  bins
"""

import numpy as np

NUM_BINS = 15
"""As in the paper."""


def expected_calibration_error(log_probability_PC: np.ndarray, label_P: np.ndarray) -> float:
    """Return the error, 0 to 1, over bins of equal width. Probabilities must sum to 1."""
    sure_P = np.exp(log_probability_PC.max(axis=1))
    right_P = log_probability_PC.argmax(axis=1) == label_P
    # A bin is open below and closed above, so that 1 stands in the last.
    bin_P = np.clip(np.ceil(sure_P * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    gap_B = np.bincount(bin_P, weights=sure_P - right_P, minlength=NUM_BINS)
    return float(np.abs(gap_B).sum() / len(label_P))
