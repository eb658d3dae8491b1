"""Late fusion: decisions of the single modalities' classifiers, brought together.

Three forms: the mean of the probabilities; their product (the sum of the log-probabilities);
and their weighted mean, the weights on a simplex and learned on the validation split.

Shape letters in this file:
    M  modalities        N  examples        C  classes
"""

import numpy as np

_MOST_ITERATIONS = 1000
_TOLERANCE = 1e-9


def mean_of_probabilities(log_probability_MNC: np.ndarray) -> np.ndarray:
    """Return the log of the modalities' mean probability, `[N, C]`."""
    num_modalities = len(log_probability_MNC)
    return np.logaddexp.reduce(log_probability_MNC, axis=0) - np.log(num_modalities)


def product_of_probabilities(log_probability_MNC: np.ndarray) -> np.ndarray:
    """Return the log of the modalities' product, brought to sum 1 again, `[N, C]`."""
    joint_NC = log_probability_MNC.sum(axis=0)
    return joint_NC - np.logaddexp.reduce(joint_NC, axis=1, keepdims=True)


def weighted_mean(log_probability_MNC: np.ndarray, weight_M: np.ndarray) -> np.ndarray:
    """Return the log of the modalities' weighted mean probability, `[N, C]`."""
    with np.errstate(divide="ignore"):
        log_weight_M11 = np.log(weight_M)[:, None, None]
    return np.logaddexp.reduce(log_probability_MNC + log_weight_M11, axis=0)


def learn_weights(log_probability_MNC: np.ndarray, label_N: np.ndarray) -> np.ndarray:
    """Return the simplex weights `[M]` under which the labels are likeliest.

    Expectation-maximisation for mixture weights: the problem is concave, no step leaves
    the simplex, none makes the likelihood less, and there is no learning rate to choose.

    Args:
        log_probability_MNC: Of clips that no classifier was trained on.
        label_N: Their classes.
    """
    num_modalities, num_examples, _ = log_probability_MNC.shape
    likelihood_MN = np.exp(log_probability_MNC[:, np.arange(num_examples), label_N])
    # Where every modality is sure of another class, the clip says nothing of the weights.
    likelihood_MN = np.maximum(likelihood_MN, 1e-300)
    weight_M = np.full(num_modalities, 1.0 / num_modalities)
    for _ in range(_MOST_ITERATIONS):
        share_MN = weight_M[:, None] * likelihood_MN
        share_MN /= share_MN.sum(axis=0)
        updated_M = share_MN.mean(axis=1)
        if np.abs(updated_M - weight_M).max() < _TOLERANCE:
            return updated_M
        weight_M = updated_M
    return weight_M
