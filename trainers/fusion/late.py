"""Late fusion: decisions of the single modalities' classifiers, brought together.

Three forms: the mean of the probabilities; their product (the sum of the log-probabilities);
and the weighted sum of the log-probabilities, the weights on a simplex and learned on the
validation split (the logarithmic opinion pool, Heskes 1998). A weighted sum of probabilities
cannot be learned by likelihood where each modality knows one part of the label: each gives the
right class the same probability, so the likelihood is flat and noise chooses the weights (46 %
on the demo where their plain mean has 89 %).

Shape letters in this file:
    M  modalities        N  examples        C  classes
"""

import numpy as np
import torch

_MOST_ITERATIONS = 200


def mean_of_probabilities(log_probability_MNC: np.ndarray) -> np.ndarray:
    """Return the log of the modalities' mean probability, `[N, C]`."""
    num_modalities = len(log_probability_MNC)
    return np.logaddexp.reduce(log_probability_MNC, axis=0) - np.log(num_modalities)


def product_of_probabilities(log_probability_MNC: np.ndarray) -> np.ndarray:
    """Return the log of the modalities' product, brought to sum 1 again, `[N, C]`."""
    joint_NC = log_probability_MNC.sum(axis=0)
    return joint_NC - np.logaddexp.reduce(joint_NC, axis=1, keepdims=True)


def weighted_sum(log_probability_MNC: np.ndarray, weight_M: np.ndarray) -> np.ndarray:
    """Return the weighted sum of log-probabilities, brought to sum 1 again, `[N, C]`."""
    joint_NC = np.einsum("m,mnc->nc", weight_M, log_probability_MNC)
    return joint_NC - np.logaddexp.reduce(joint_NC, axis=1, keepdims=True)


def learn_weights(log_probability_MNC: np.ndarray, label_N: np.ndarray) -> np.ndarray:
    """Return the simplex weights `[M]` of `weighted_sum` under which the labels are likeliest.

    The loss is convex in the weights, so one descent finds the best, without a random start.

    Args:
        log_probability_MNC: Of clips that no classifier was trained on.
        label_N: Their classes.
    """
    inputs_MNC = torch.from_numpy(np.asarray(log_probability_MNC, dtype=np.float64))
    target_N = torch.from_numpy(label_N)
    logit_M = torch.zeros(len(inputs_MNC), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [logit_M], max_iter=_MOST_ITERATIONS, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        joint_NC = torch.einsum("m,mnc->nc", logit_M.softmax(dim=0), inputs_MNC)
        value = torch.nn.functional.cross_entropy(joint_NC, target_N)
        value.backward()
        return value

    optimizer.step(loss)
    return logit_M.detach().softmax(dim=0).numpy()
