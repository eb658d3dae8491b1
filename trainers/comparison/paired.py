"""Whether one method is better than another on the same examples: bootstrap and McNemar.

Shape letters in this file:
    P  positions with a label    E  examples    R  resamples    S  seeds
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import binomtest

NUM_RESAMPLES = 10_000
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """A method minus another."""

    difference: float
    """Mean over positions and seeds; of accuracies, in shares of 1."""

    low: float
    high: float
    """Ends of the 95 % interval of the paired bootstrap over examples."""

    mcnemar_p: float | None
    """The largest of the seeds' exact two-sided p; None where there are no classes."""

    def to_json(self) -> dict[str, float | None]:
        """Return a plain dict."""
        return asdict(self)


def compare(
    own_SP: np.ndarray, other_SP: np.ndarray, example_P: np.ndarray, seed: int
) -> Comparison:
    """Compare what two methods got right at the same positions.

    The bootstrap draws whole examples, since positions of one (utterances of a dialogue) are not
    independent, and takes the mean over seeds first: its interval is that of other test examples,
    the spread over seeds is shown beside it.

    Args:
        own_SP: Gains, one row a seed: 1 and 0 for right and wrong, or minus absolute errors.
        other_SP: Those of the other method.
        example_P: Example of each position.
        seed: Of the resamples.

    Raises:
        ValueError: If the two do not pair up.
    """
    if own_SP.shape != other_SP.shape or own_SP.shape[1:] != example_P.shape:
        raise ValueError(
            "gains must be of the same seeds and positions, got "
            f"{own_SP.shape}, {other_SP.shape} and {example_P.shape}"
        )
    low, high = bootstrap_interval((own_SP - other_SP).mean(axis=0), example_P, seed)
    right = [*np.unique(own_SP), *np.unique(other_SP)]
    p = None
    if set(right) <= {0.0, 1.0}:
        p = max(mcnemar(own, other) for own, other in zip(own_SP, other_SP, strict=True))
    return Comparison(float(np.mean(own_SP) - np.mean(other_SP)), low, high, p)


def bootstrap_interval(
    value_P: np.ndarray, example_P: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of `value_P`, examples drawn whole."""
    _, place_P = np.unique(example_P, return_inverse=True)
    sum_E = np.bincount(place_P, weights=value_P)
    count_E = np.bincount(place_P)
    rng = np.random.default_rng(seed)
    means: list[np.ndarray] = []
    for _ in range(NUM_RESAMPLES // _AT_A_TIME):
        drawn_RE = rng.integers(len(sum_E), size=(_AT_A_TIME, len(sum_E)))
        means.append(sum_E[drawn_RE].sum(axis=1) / count_E[drawn_RE].sum(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def mcnemar(own_P: Sequence[float] | np.ndarray, other_P: Sequence[float] | np.ndarray) -> float:
    """Return the exact two-sided p that both are right equally often (McNemar 1947)."""
    own, other = np.asarray(own_P) > 0.5, np.asarray(other_P) > 0.5
    only_own, only_other = int(np.sum(own & ~other)), int(np.sum(other & ~own))
    if only_own + only_other == 0:
        return 1.0
    return float(binomtest(only_own, only_own + only_other).pvalue)
