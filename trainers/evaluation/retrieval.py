"""Retrieval: where the right item stands when all are ranked, and what chance would give.

The rank of a query is the best rank among its right items, counted from 1. Ties are
pessimistic: a wrong item with the same score stands before a right one, so embeddings
that collapsed to a constant get the worst rank and not a lucky one.

Shape letters in this file:
    Q  queries        N  ranked items        D  width of the joint embedding
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CUTOFFS = (1, 5, 10)
_QUERIES_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class Ranking:
    """The outcome of one retrieval direction."""

    rank_Q: np.ndarray
    """Best rank of a right item of each query, from 1."""
    num_right_Q: np.ndarray
    """Right items of each query."""
    num_items: int
    """Items that were ranked."""


def best_ranks(scores_QN: np.ndarray, right_QN: np.ndarray) -> np.ndarray:
    """Return the best rank among the right items of each query, from 1.

    Args:
        scores_QN: Greater is more alike.
        right_QN: True where an item answers a query.

    Raises:
        ValueError: If the shapes differ, a score is not finite or a query has no right item.
    """
    if scores_QN.shape != right_QN.shape:
        raise ValueError(
            f"scores and relevance must have one shape, got {scores_QN.shape} and {right_QN.shape}"
        )
    if not np.isfinite(scores_QN).all():
        raise ValueError("scores must be finite, got NaN or infinity: did the training diverge?")
    if not right_QN.any(axis=1).all():
        raise ValueError("every query must have a right item among the ranked, got one without")
    best_Q1 = np.where(right_QN, scores_QN, -np.inf).max(axis=1, keepdims=True)
    return 1 + ((scores_QN >= best_Q1) & ~right_QN).sum(axis=1)


def rank_items(
    queries_QD: np.ndarray, items_ND: np.ndarray, right_Q: np.ndarray, right_N: np.ndarray
) -> Ranking:
    """Rank all items for every query by dot product, some queries at a time.

    Args:
        queries_QD: Embeddings of the queries.
        items_ND: Embeddings of the items.
        right_Q: What a query asks for, an integer. An item is right if it has the same one.
        right_N: What an item is, an integer.
    """
    rank_Q = np.empty(len(queries_QD), dtype=np.int64)
    num_right_Q = np.empty(len(queries_QD), dtype=np.int64)
    for start in range(0, len(queries_QD), _QUERIES_AT_A_TIME):
        part = slice(start, start + _QUERIES_AT_A_TIME)
        right_QN = right_Q[part, None] == right_N[None, :]
        rank_Q[part] = best_ranks(queries_QD[part] @ items_ND.T, right_QN)
        num_right_Q[part] = right_QN.sum(axis=1)
    return Ranking(rank_Q, num_right_Q, len(items_ND))


def metrics(ranking: Ranking) -> dict[str, float]:
    """Return `r1`, `r5`, `r10` (shares, not per cent) and `medr`, the median rank."""
    found = {f"r{k}": float(np.mean(ranking.rank_Q <= k)) for k in CUTOFFS}
    return found | {"medr": float(np.median(ranking.rank_Q))}


def chance(ranking: Ranking) -> dict[str, float]:
    """Return what a random order of the items is expected to give, exactly.

    Of N items r are right; the first k hold none of them with probability
    C(N - r, k) / C(N, k) (hypergeometric). `medr` is the least k at which at least
    half of the queries are expected to be answered.
    """
    found_K = expected_recalls(ranking.num_right_Q, ranking.num_items)
    found = {f"r{k}": float(found_K[min(k, ranking.num_items) - 1]) for k in CUTOFFS}
    return found | {"medr": float(1 + np.searchsorted(found_K, 0.5 - 1e-12))}


def expected_recalls(num_right_Q: np.ndarray, num_items: int) -> np.ndarray:
    """Return the expected R@k of a random order for k = 1 .. `num_items`, mean over queries."""
    counts, weights = np.unique(num_right_Q, return_counts=True)
    drawn_K = np.arange(num_items)
    expected_K = np.zeros(num_items)
    for num_right, weight in zip(counts, weights, strict=True):
        # The k-th draw misses with (wrong left) / (items left), given that all before missed.
        misses_K = np.clip(num_items - num_right - drawn_K, 0, None) / (num_items - drawn_K)
        expected_K += weight * (1 - np.cumprod(misses_K))
    return expected_K / weights.sum()


def number_texts(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the different texts in order of appearance, and the number of each text.

    Upper and lower case and white space at the ends make no difference.
    """
    numbers: dict[str, int] = {}
    number_N = np.array(
        [numbers.setdefault(text.strip().lower(), len(numbers)) for text in texts], dtype=np.int64
    )
    return list(numbers), number_N
