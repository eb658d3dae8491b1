"""Kernels of sequences of symbols: letters, words, phones.

A string is any sequence of hashable symbols: a `str` is one of letters, a list of words one of
words. Gram matrices are of length-one feature vectors: equal strings have 1.

Shape letters in this file:
    S  symbols of one string        T  symbols of another
    Q  queries                      N  examples
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from scipy.signal import lfilter

from trainers.kernels.gram import cosine

Symbols = Sequence[Hashable]
StringKernel = Callable[[Symbols, Symbols], float]


def subsequence(first: Symbols, second: Symbols, *, length: int, decay: float) -> float:
    """Return the weight of all subsequences of `length` symbols that two strings share.

    Symbols need not be neighbours: each symbol of the span that a subsequence takes in either
    string, gaps too, costs a factor `decay` (Lodhi et al. 2002, the recursion of section 4).
    Linear in the length of both strings.

    Raises:
        ValueError: `length` is below 1, or `decay` is not in (0, 1].
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    if not 0 < decay <= 1:
        raise ValueError(f"decay must be in (0, 1], got {decay}")
    if min(len(first), len(second)) < length:
        return 0.0
    same_ST = _same(first, second)
    # Matches that end at these two symbols, each with the weight of what stands before it.
    ends_ST = decay**2 * same_ST
    for _ in range(length - 1):
        # A prefix's weight decays over every symbol that follows, in both strings.
        begun_ST = _decayed(_decayed(ends_ST, decay, axis=0), decay, axis=1)
        before_ST = np.zeros_like(begun_ST)
        before_ST[1:, 1:] = begun_ST[:-1, :-1]
        ends_ST = decay**2 * same_ST * before_ST
    return float(ends_ST.sum())


def all_subsequences(first: Symbols, second: Symbols) -> float:
    """Return how many pairs of equal subsequences, of any length and the empty one, there are.

    Exact while the count is below 2^53 (Shawe-Taylor and Cristianini 2004, section 11.4).
    """
    same_ST = _same(first, second)
    count_T = np.ones(same_ST.shape[1] + 1)
    for same_T in same_ST:
        # A pair either leaves this symbol out or ends in it, after any pair of what stands before.
        count_T = count_T + np.concatenate(([0.0], np.cumsum(same_T * count_T[:-1])))
    return float(count_T[-1])


def spectrum(first: Symbols, second: Symbols, *, length: int) -> float:
    """Return the dot product of the counts of runs of `length` symbols (Leslie et al. 2002).

    Raises:
        ValueError: `length` is below 1.
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    ours, theirs = _runs(first, length), _runs(second, length)
    return float(sum(count * theirs[run] for run, count in ours.items()))


def string_gram(
    kernel: StringKernel, queries: Sequence[Symbols], examples: Sequence[Symbols]
) -> np.ndarray:
    """Return a string kernel between all queries and examples, brought to length one, `[Q, N]`.

    A string without any feature, such as one that is too short, is at 0 from all others.
    """
    own_N = np.array([kernel(text, text) for text in examples])
    if queries is examples:
        upper_NN = np.diag(own_N)
        for i, text in enumerate(examples):
            for j in range(i + 1, len(examples)):
                upper_NN[i, j] = upper_NN[j, i] = kernel(text, examples[j])
        return cosine(upper_NN, own_N, own_N)
    own_Q = np.array([kernel(text, text) for text in queries])
    gram_QN = np.array([[kernel(query, text) for text in examples] for query in queries])
    return cosine(gram_QN.reshape(len(queries), len(examples)), own_Q, own_N)


def _decayed(weight_ST: np.ndarray, decay: float, axis: int) -> np.ndarray:
    return np.asarray(lfilter([1.0], [1.0, -decay], weight_ST, axis=axis))


def _same(first: Symbols, second: Symbols) -> np.ndarray:
    number: dict[Hashable, int] = {}
    first_S, second_T = (
        np.array([number.setdefault(symbol, len(number)) for symbol in text], dtype=np.int64)
        for text in (first, second)
    )
    return (first_S[:, None] == second_T[None, :]).astype(np.float64)


def _runs(text: Symbols, length: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(tuple(text[i : i + length]) for i in range(len(text) - length + 1))
